"""Hostile text in every field, through the real program on a real terminal.

`python -m tests.hostile` takes each string by itself through all of it; the tests take all of them at once.
"""
