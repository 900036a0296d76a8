"""Benchmarks: costs of the program as counts, and as ratios to references measured at the same time.

A module registers its measurements with `tests.bench.registry.row`. All modules of this package are imported.
"""
