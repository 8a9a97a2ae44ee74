"""Leases: how many counters spend one balance (docs/leases.md). Pure; device, cloud and simulator
share it."""
