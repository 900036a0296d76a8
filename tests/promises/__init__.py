"""A state machine over real sessions and a scripted server: the promises must hold in every combination of faults."""
