"""Tests of the documentation: README, manual pages and house rules; and the generator of the manual's tables."""
