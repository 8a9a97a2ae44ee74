"""A network that loses, doubles, delays and overtakes, and lines that are cut for a while."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Weather:
    """Chances are per message."""

    lost: float = 0.08
    doubled: float = 0.08
    late: float = 0.15
    most_late_s: float = 30.0
    usual_s: float = 0.03


MOST_KEPT = 10
CALM = Weather(0.0, 0.0, 0.0)


@dataclass
class Wire:
    """`cut` holds the devices whose line is down. `bag` keeps old messages of each
    direction to be played again."""

    chance: random.Random
    weather: Weather = field(default_factory=Weather)
    cut: set[str] = field(default_factory=set)
    bag: dict[str, list[bytes]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    async def carry(self, device: str, message: bytes, *, up: bool) -> list[bytes]:
        """What arrives at the far end of `device`'s line: nothing, the message, an older one as
        well. Waits as long as it takes."""
        mine = self.bag.setdefault(f"{device} {'up' if up else 'down'}", [])
        arrives = await self._one(device, message)
        out = [message] if arrives else []
        if mine and device not in self.cut and self.chance.random() < self.weather.doubled:
            self.seen["replayed"] += 1
            out.append(self.chance.choice(mine))
        if self.chance.random() < self.weather.doubled:
            mine.append(message)
            del mine[:-MOST_KEPT]
        return out

    async def _one(self, device: str, message: bytes) -> bool:
        del message
        late = self.chance.random() < self.weather.late
        await asyncio.sleep(
            self.chance.uniform(0, self.weather.most_late_s)
            if late
            else self.chance.expovariate(1 / self.weather.usual_s)
        )
        if device in self.cut:
            self.seen["cut"] += 1
            return False
        if self.chance.random() < self.weather.lost:
            self.seen["lost"] += 1
            return False
        self.seen["late" if late else "carried"] += 1
        return True
