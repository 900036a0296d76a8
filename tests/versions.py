"""Tests the package with the lowest or the newest allowed version of each dependency, in a fresh environment.

`python -m tests.versions lowest` installs the package, checks that it starts, and runs the core tests: those that use
each dependency. `newest` does the same. `--all` runs all tests except the snapshots, which belong to one release of
Textual. Run it with the Python version to be tested.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.terminal import Terminal, environment_for

ROOT = Path(__file__).parents[1]
PROGRAM_TIMEOUT_S = 60
# One or two for each dependency: Textual and Rich, httpx, h11 and truststore, Pydantic, msgspec, Starlette and uvicorn,
# Typer, platformdirs, cachetools.
CORE_TESTS = (
    "test_screen_buffer.py",
    "test_terminal_input.py",
    "test_app_lists.py",
    "test_tls.py",
    "test_grid_validation.py",
    "test_documented_bodies.py",
    "test_proxy_verbatim.py",
    "test_flags.py",
    "test_help.py",
    "test_config.py",
    "test_lock.py",
    "test_transitions.py",
)
LINTERS = ("ruff", "mypy", "types-jsonschema", "import-linter")
SNAPSHOTS = "*test_snapshots.py"
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)>=([0-9.]+),<[0-9.]+")


def lowest_versions(pyproject: str) -> dict[str, str]:
    """Return the lower bound of each dependency. Raises ValueError for one without a lower and an upper bound."""
    versions = {}
    for requirement in tomllib.loads(pyproject)["project"]["dependencies"]:
        bounds = _REQUIREMENT.fullmatch(requirement)
        if bounds is None:
            raise ValueError(f"{requirement}: no lower bound, or no upper one")
        versions[bounds[1]] = bounds[2]
    return versions


def needed_by_tests(pyproject: str) -> list[str]:
    """Return the requirements of the tests that are not dependencies of the package."""
    pinned: list[str] = tomllib.loads(pyproject)["project"]["optional-dependencies"]["dev"]
    others = {*lowest_versions(pyproject), *LINTERS}
    return [each for each in pinned if each.partition("==")[0] not in others]


def find_tests(names: Sequence[str]) -> list[Path]:
    """Return the test files with these names, wherever they are. Raises ValueError for one that does not exist."""
    found = [next((ROOT / "tests").rglob(name), None) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        raise ValueError(f"no such test file: {', '.join(missing)}")
    return [path for path in found if path is not None]


def install(folder: Path, *, lowest: bool) -> Path:
    """Create an environment in `folder` with the package and its tests. Return the folder of its programs."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    constraints = folder / "constraints.txt"
    versions = lowest_versions(pyproject) if lowest else {}
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), encoding="utf-8")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [str(programs / "python"), "-m", "pip", "--disable-pip-version-check"]
    wanted = [str(ROOT), *needed_by_tests(pyproject)]
    subprocess.run([*pip, "install", "-q", "--upgrade", "-c", str(constraints), *wanted], check=True)
    subprocess.run([*pip, "check"], check=True)
    subprocess.run([*pip, "list", "--format=freeze"], check=True)
    return programs


def try_program(program: Path, home: Path) -> None:
    """Print the help, read the runs of a demo, and start and quit the app."""
    env = environment_for(home)
    for arguments in (["--version"], ["--help"], ["runs", "--help"], ["config", "--help"]):
        output_of(program, arguments, env)
    with running_demo(program, env) as settings:
        assert json.loads(output_of(program, ["runs", "--json"], env | settings)), "the demo has no runs"
    with Terminal(home, (str(program), "demo")) as terminal:
        terminal.wait_until("live")
        terminal.press("q")
        assert terminal.wait() == 0, terminal.text


def run_tests(python: Path, arguments: Sequence[str]) -> int:
    """Run pytest in that environment. Return its exit code.

    Deprecation warnings are no errors here: old releases may use functions that were deprecated later.
    """
    pytest = [str(python), "-m", "pytest", "-W", "default::DeprecationWarning"]
    done = subprocess.run([*pytest, *arguments], cwd=ROOT, env=dict(os.environ), check=False)
    return done.returncode


def output_of(program: Path, arguments: list[str], env: Mapping[str, str], exit_code: int = 0) -> str:
    """Run the program in its home folder, so that it does not import this tree. Return what it prints."""
    done = subprocess.run(
        [program, *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=PROGRAM_TIMEOUT_S,
        check=False,
        cwd=env["HOME"],
    )
    assert done.returncode == exit_code, f"{arguments}: {done.stderr}"
    return done.stdout


@contextmanager
def running_demo(program: Path, env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run a demo. Yields the environment variables that connect to it."""
    with subprocess.Popen([program, "demo", "--no-tui"], env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield {"SCAICORE_TUI_URL": ready["url"], "SCAICORE_TUI_TOKEN": ready["token"]}
        finally:
            process.terminate()


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, start and test the package. Return the exit code of the tests."""
    parser = argparse.ArgumentParser(prog="python -m tests.versions")
    parser.add_argument("versions", choices=["lowest", "newest"])
    parser.add_argument("--all", action="store_true", help="run all tests but the snapshots")
    options = parser.parse_args(arguments)
    core = [str(path) for path in find_tests(CORE_TESTS)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        programs = install(folder, lowest=options.versions == "lowest")
        try_program(programs / "scaicore-tui", folder)
        selected = [f"--ignore-glob={SNAPSHOTS}"] if options.all else core
        return run_tests(programs / "python", selected)


if __name__ == "__main__":
    sys.exit(main())
