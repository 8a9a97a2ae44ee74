"""Any order of anything: one account, its cloud, three counters, a network that loses, doubles and
reorders; force, late batches, restored disks, refunds, credit (docs/leases.md, "Bounds")."""

from __future__ import annotations

from tests.budget import examples
from tests.lease.machine import machine_of
from tests.lease.rules import Rules

TestLeases = examples(200, nightly=10_000)(machine_of(Rules())).TestCase
