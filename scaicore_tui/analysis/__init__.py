"""Analysis of runs: what many of them have in common. Pure: no I/O, no clock, no screen."""
