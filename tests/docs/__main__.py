"""Bring the generated parts of the manual pages up to date: `python -m tests.docs`."""

from tests.docs import reference

if __name__ == "__main__":
    reference.write()
