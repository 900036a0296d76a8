"""The tests, in one folder for each part of the program; `support` holds their shared helpers.

`bench`, `hostile`, `promises`, `versions` and `screenshots` are also programs: `python -m tests.bench`.
"""
