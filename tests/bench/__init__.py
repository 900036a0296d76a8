"""What the program costs, as counts and as ratios to what else runs here at the same time.

A module of this package registers its rows with `tests.bench.registry.row`; being in the package is all it takes.
"""
