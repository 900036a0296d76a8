"""The wheel and the sdist contain all files that the program reads; both can be installed and started."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.terminal import environment_for
from tests.versions import CORE_TESTS, find_tests, lowest_versions, output_of, running_demo

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "scaicore_tui"
MANUALS = sorted(path for path in PACKAGE.rglob("*.[1578]") if "man" in path.parts)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build a wheel and an sdist of this tree; return their paths."""
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def build(tree: Path, folder: Path) -> None:
    """Build the distributions of `tree` in `folder`."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)


def contents(wheel: Path) -> Mapping[str, bytes]:
    """Return the files of a wheel by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def install(distribution: Path, folder: Path) -> Path:
    """Install a distribution into a new environment with the dependencies of this one; return the program's path."""
    venv.create(folder, with_pip=False, symlinks=sys.platform != "win32")
    (packages,) = folder.glob("lib/python*/site-packages")
    specs = [importlib.util.find_spec(name) for name in ("textual", "pydantic", "hatchling", "pip")]
    folders = {str(Path(spec.origin).parents[1]) for spec in specs if spec is not None and spec.origin is not None}
    (packages / "dependencies.pth").write_text("\n".join(sorted(folders)))
    options = (
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--no-compile",
        "--disable-pip-version-check",
    )
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", *options, "--ignore-installed"]
    done = subprocess.run([*command, str(distribution)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "bin" / "scaicore-tui"


def test_a_wheel_has_code_flows_types_and_the_manual(built: tuple[Path, Path]) -> None:
    names = set(contents(built[0]))
    code = list(PACKAGE.rglob("*.py"))
    data = [*PACKAGE.rglob("*.json"), PACKAGE / "py.typed"]
    assert len(data) > 5
    assert {str(path.relative_to(ROOT)) for path in (*code, *data)} <= names
    assert MANUALS
    for manual in MANUALS:
        assert any(name.endswith(f".data/data/share/man/man{manual.suffix[1:]}/{manual.name}") for name in names)


def test_an_sdist_has_only_the_files_that_a_wheel_is_built_from(built: tuple[Path, Path], tmp_path: Path) -> None:
    wheel, sdist = built
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    assert {path.name for path in tree.iterdir()} == {
        *("scaicore_tui", "pyproject.toml", "README.md", "PKG-INFO"),
        ".gitignore",  # hatchling reads the list of files to leave out
    }
    build(tree, tmp_path / "dist")
    (rebuilt,) = tmp_path.glob("dist/*.whl")
    assert contents(rebuilt) == contents(wheel)


@pytest.mark.skipif(sys.platform == "win32", reason="environments have other folders there")
def test_an_installed_wheel_starts_and_serves_a_demo(built: tuple[Path, Path], tmp_path: Path) -> None:
    program, env = install(built[0], tmp_path / "venv"), environment_for(tmp_path)
    assert output_of(program, ["--version"], env).startswith("scaicore-tui ")
    manuals = {path.name for path in (tmp_path / "venv" / "share" / "man").rglob("*.[1578]")}
    assert manuals == {path.name for path in MANUALS}
    with running_demo(program, env) as settings:
        assert json.loads(output_of(program, ["runs", "--json"], env | settings))
        report = json.loads(output_of(program, ["doctor", "--json"], env | settings))
    states = {check["name"]: check["state"] for check in report["checks"]}
    assert (states["api"], states["driver"]) == ("ok", "ok")


@pytest.mark.skipif(sys.platform == "win32", reason="environments have other folders there")
def test_an_installed_sdist_starts(built: tuple[Path, Path], tmp_path: Path) -> None:
    program = install(built[1], tmp_path / "venv")
    assert output_of(program, ["--version"], environment_for(tmp_path)).startswith("scaicore-tui ")
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    assert (packages / "scaicore_tui" / "py.typed").exists()


def test_every_dependency_has_a_lowest_and_a_highest_version() -> None:
    versions = lowest_versions((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert versions["textual"] == "8.2.7"
    assert len(versions) >= 10


@pytest.mark.parametrize("requirement", ["rich>=14", "rich<16", "rich", "rich==14"])
def test_a_missing_bound_is_reported(requirement: str) -> None:
    with pytest.raises(ValueError, match=f"^{requirement}: no lower bound, or no upper one$"):
        lowest_versions(f'[project]\ndependencies = ["{requirement}"]\n')


def test_the_core_tests_exist() -> None:
    assert len(find_tests(CORE_TESTS)) == len(CORE_TESTS)
    with pytest.raises(ValueError, match=r"^no such test file: test_nothing\.py$"):
        find_tests(["test_nothing.py"])
