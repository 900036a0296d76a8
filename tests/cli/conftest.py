"""Fixtures for the command line: the program, one demo for tests that read, a grid for each test that writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scaicore_tui.servers.grid.http import rate_limits
from tests.support.grid import MANAGER
from tests.support.program import Demo, FastGrid, Program, fast_grid, running_demo


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder without any configuration."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def program(home: Path) -> Program:
    """The program after its installation, without any settings."""
    return Program(home, {})


@pytest.fixture(scope="session")
def demo(program: Program) -> Iterator[Demo]:
    """A demo that starts no new runs; its unfinished runs end."""
    with running_demo(program, "--seed", "7", "--rate", "0") as running:
        yield running


@pytest.fixture(scope="session")
def reader(program: Program, demo: Demo) -> Program:
    """The program with the settings of the demo."""
    return program.with_variables(**demo.settings)


@pytest.fixture
def grid() -> Iterator[FastGrid]:
    """A grid without runs."""
    with fast_grid() as running:
        yield running


@pytest.fixture
def writer(tmp_path: Path, grid: FastGrid) -> Program:
    """The program with the settings of this test's grid, and a ledger of its own."""
    return Program(tmp_path, grid.settings(MANAGER))


@pytest.fixture
def busy_grid(monkeypatch: pytest.MonkeyPatch) -> Iterator[FastGrid]:
    """A grid without the usual rate limit."""
    monkeypatch.setattr(rate_limits, "REQUESTS_PER_API_KEY", 100_000)
    with fast_grid(rate_limits=True) as running:
        yield running


@pytest.fixture
def watcher(tmp_path: Path, busy_grid: FastGrid) -> Program:
    return Program(tmp_path, busy_grid.settings(MANAGER))
