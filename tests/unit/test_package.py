"""What a wheel holds beside the code: all that the program reads of its own, and the manual."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.lowest import lowest_versions

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "scaicore_tui"


def test_a_wheel_has_schemas_flows_types_and_the_manual(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    read = [*PACKAGE.rglob("*.json"), PACKAGE / "py.typed"]
    assert len(read) > 10
    assert {str(path.relative_to(ROOT)) for path in read} <= names
    assert any(name.endswith(".data/data/share/man/man1/scaicore-tui.1") for name in names)


def test_every_dependency_has_a_lowest_and_a_highest_version() -> None:
    versions = lowest_versions((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert versions["textual"] == "8.2.5"
    assert len(versions) >= 10


@pytest.mark.parametrize("requirement", ["rich>=14", "rich<16", "rich", "rich==14"])
def test_a_bound_that_is_missing_is_told(requirement: str) -> None:
    with pytest.raises(ValueError, match=f"^{requirement}: no lower bound, or no upper one$"):
        lowest_versions(f'[project]\ndependencies = ["{requirement}"]\n')
