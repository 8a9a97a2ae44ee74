"""What a process counts, and what the books say, in the text that Prometheus reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cloud.books import CloudBooks

PREFIX = "counterd_cloud_"


class Metrics:
    def __init__(self) -> None:
        self._counts = Counter[tuple[str, str]]()
        self._sums: dict[str, tuple[int, float]] = {}

    def count(self, name: str, by: int = 1, **labels: str) -> None:
        told = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        self._counts[name, f"{{{told}}}" if told else ""] += by

    def time(self, name: str, seconds: float) -> None:
        times, total = self._sums.get(name, (0, 0.0))
        self._sums[name] = (times + 1, total + seconds)

    async def page(self, books: CloudBooks) -> str:
        journals = await books.journals.journals()
        gauges: dict[str, int] = {
            "devices": len(await books.devices.devices()),
            "discrepancies_open": len(await books.office.discrepancies(only_open=True)),
            "batches_kept": sum(journal.bseq for journal in journals),
            "journals_with_effects_due": len(await books.journals.outbox(1000)),
        }
        sums = await books.accounts.sums()
        return "\n".join([*self._lines(gauges), *_letters(sums)]) + "\n"

    def _lines(self, gauges: dict[str, int]) -> Iterator[str]:
        for name in sorted({name for name, _ in self._counts}):
            yield f"# TYPE {PREFIX}{name}_total counter"
            for (counted, labels), value in sorted(self._counts.items()):
                if counted == name:
                    yield f"{PREFIX}{name}_total{labels} {value}"
        for name, (times, total) in sorted(self._sums.items()):
            yield f"# TYPE {PREFIX}{name} summary"
            yield f"{PREFIX}{name}_count {times}"
            yield f"{PREFIX}{name}_sum {total:.6f}"
        for name, value in gauges.items():
            yield f"# TYPE {PREFIX}{name} gauge"
            yield f"{PREFIX}{name} {value}"


def _letters(sums: dict[str, dict[str, int]]) -> Iterator[str]:
    yield f"# TYPE {PREFIX}account_units gauge"
    for asset, letters in sums.items():
        for letter, value in letters.items():
            yield f'{PREFIX}account_units{{asset="{asset}",letter="{letter}"}} {value}'
