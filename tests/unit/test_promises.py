"""The promises hold in every combination: what the state machine finds by itself, and what it found before."""

from __future__ import annotations

from hypothesis import settings

from tests.promises.machine import Promises

TestPromises = Promises.TestCase
TestPromises.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, database=None)
