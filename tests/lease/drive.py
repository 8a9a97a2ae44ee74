"""Seeded runs of the machine without hypothesis: quick, and a seed says all."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.lease.machine import LeaseMachine
from tests.lease.world import NAMES

STEPS = 80


def drive(machine: LeaseMachine, seed: int, steps: int = STEPS) -> None:
    """One run of `steps` steps and its end. Raises AssertionError where a bound is broken."""
    random = Random(seed)
    machine.asks_much = seed % 4 == 1
    calm = seed % 3 == 0
    """Without force, loss, credit and restore there is no overspend at all."""
    for _ in range(steps):
        _step(machine, random, calm)()
        machine.world.check()
    machine.world.settle()


def _step(machine: LeaseMachine, random: Random, calm: bool) -> Callable[[], None]:
    name, pick = random.choice(NAMES), random.randrange(1_000)
    asking = 4 if machine.asks_much else 1
    usual: list[tuple[int, Callable[[], None]]] = [
        (3, lambda: machine.top_up(name=name, amount=1 + pick % 20)),
        (3 * asking, lambda: machine.top_up_and_release(name=name, amount=1 + pick % 20)),
        (8 // asking, lambda: machine.sell(name=name, pick=pick)),
        (4 * asking, lambda: machine.ask_debit(name=name, more=1 + pick % 5)),
        (3 * asking, lambda: machine.ask_again(name=name, pick=pick, again=random.choice(_AGAIN))),
        (5, lambda: machine.send_batch(name=name, start=pick % 3, most=1 + pick % 20)),
        (2, lambda: machine.say_hello(name=name)),
        (5 // asking, lambda: machine.grant(name=name, amount=1 + pick % 8)),
        (2, lambda: machine.grant_again(name=name)),
        (3 * asking, lambda: machine.recall(name=name)),
        (1, machine.repay),
    ]
    if machine.world.truth.sold:
        usual.append((4, lambda: machine.refund(name=name, pick=pick, amount=1 + pick % 5)))
    if machine.world.network:
        waiting = len(machine.world.network)
        # What is newest mostly comes first, so that something old is always still on its way.
        place = pick % waiting if random.random() < 0.3 else waiting - 1 - pick % min(3, waiting)
        usual += [
            (20, lambda: machine.deliver(pick=place)),
            (4, lambda: machine.deliver_twice(pick=pick)),
            (2, lambda: machine.lose(pick=pick)),
        ]
    if not calm:
        usual += [
            (1, lambda: machine.sell_on_credit(name=name, amount=1 + pick % 5)),
            (3, lambda: machine.force(name=name, sure=pick % 4)),
            (1, lambda: machine.lose_device(name=name, sure=pick % 7)),
            (2, lambda: machine.keep_backup(name=name)),
            (2, lambda: machine.restore(name=name, sure=pick % 3)),
        ]
    return random.choices([each for _, each in usual], [weight for weight, _ in usual])[0]


_AGAIN = ("reverse", "status", "debit")
