"""Tests of what is written about the program: README, manual pages, help."""
