"""The tests, in one folder for each part of the program; `support` holds what they share.

`bench`, `hostile`, `promises`, `lowest` and `screenshots` can also be run as programs: `python -m tests.bench`.
"""
