"""Turns values into styled lines. Pure: no widgets, no I/O, every time is an argument."""
