"""Benchmarks against the limit and against peers. They print ratios, so that machines compare."""
