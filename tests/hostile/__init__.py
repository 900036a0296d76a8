"""The real program on a real terminal, with hostile text in every field.

`python -m tests.hostile` tries each string by itself; the tests try all strings at the same time.
"""
