"""Helpers that several test modules share. Nothing here is a test, and no test module imports another one."""
