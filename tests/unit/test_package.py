"""What a wheel holds beside the code: all that the program reads of its own, and the manual."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

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
