"""Statistics of runs and nodes: durations, what is usual, what is slow, paths and rates. Pure."""
