"""Fixtures for the command line: the program, a shared demo for tests that only read, and a grid per writing test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scaicore_tui.servers.grid.http import rate_limits
from tests.support.grid import MANAGER
from tests.support.program import Demo, FastGrid, Program, fast_grid, running_demo


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home folder without any configuration."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def program(home: Path) -> Program:
    """Return the program without any settings."""
    return Program(home, {})


@pytest.fixture(scope="session")
def demo(program: Program) -> Iterator[Demo]:
    """Run a demo that starts no new runs; its unfinished runs end."""
    with running_demo(program, "--seed", "7", "--rate", "0") as running:
        yield running


@pytest.fixture(scope="session")
def reader(program: Program, demo: Demo) -> Program:
    """Return the program with the settings of the demo."""
    return program.with_variables(**demo.settings)


@pytest.fixture
def grid() -> Iterator[FastGrid]:
    """Run a grid without runs."""
    with fast_grid() as running:
        yield running


@pytest.fixture
def writer(tmp_path: Path, grid: FastGrid) -> Program:
    """Return the program with the settings of this test's grid and its own ledger."""
    return Program(tmp_path, grid.settings(MANAGER))


@pytest.fixture
def busy_grid(monkeypatch: pytest.MonkeyPatch) -> Iterator[FastGrid]:
    """Run a grid with a rate limit so high that no test reaches it."""
    monkeypatch.setattr(rate_limits, "REQUESTS_PER_API_KEY", 100_000)
    with fast_grid(rate_limits=True) as running:
        yield running


@pytest.fixture
def watcher(tmp_path: Path, busy_grid: FastGrid) -> Program:
    """Return the program with the settings of `busy_grid`."""
    return Program(tmp_path, busy_grid.settings(MANAGER))
