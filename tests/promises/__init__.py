"""A state machine with real sessions and a scripted server: the promises must hold for every combination of faults."""
