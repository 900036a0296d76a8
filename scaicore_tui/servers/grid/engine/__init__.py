"""Executes flows: the engine, the execution of one run, and the behaviour of each node type."""
