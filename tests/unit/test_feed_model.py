"""The whole way from pages to the journal against a model: every kind of feed, and everything that can happen to it."""

from __future__ import annotations

from tests.feedmodel import try_out


def test_the_journal_is_what_the_feed_offered() -> None:
    try_out(200)
