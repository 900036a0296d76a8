"""Installs the package with the lowest version of each dependency that it allows, in an environment of its own, and
uses it a little: `python -m tests.lowest`. With a bound that is too low the program does not start, and no other test
notices."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.terminal import Terminal, surroundings

ROOT = Path(__file__).parents[1]
SECONDS = 60
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)>=([0-9.]+),<[0-9.]+")


def lowest_versions(pyproject: str) -> dict[str, str]:
    """The lower bound of each dependency. Raises ValueError for one without a lower and an upper bound."""
    found = {}
    for requirement in tomllib.loads(pyproject)["project"]["dependencies"]:
        bounds = _REQUIREMENT.fullmatch(requirement)
        if bounds is None:
            raise ValueError(f"{requirement}: no lower bound, or no upper one")
        found[bounds[1]] = bounds[2]
    return found


def install(folder: Path) -> Path:
    """An environment in `folder` with the package and the lowest of all that it needs; the program in it."""
    constraints = folder / "constraints.txt"
    versions = lowest_versions((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), encoding="utf-8")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [str(programs / "python"), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", "-c", str(constraints), str(ROOT)], check=True)
    subprocess.run([*pip, "check"], check=True)
    return programs / "scaicore-tui"


def try_it(program: Path, home: Path) -> None:
    """Ask for help, read the runs of a demo, and open and leave the app."""
    env = surroundings(home)
    for arguments in (["--version"], ["--help"], ["runs", "--help"], ["config", "--help"]):
        _output(program, arguments, env)
    with _demo(program, env) as settings:
        assert json.loads(_output(program, ["runs", "--json"], env | settings)), "the demo has no runs"
    with Terminal(home, (str(program), "demo")) as terminal:
        terminal.until("live")
        terminal.press("q")
        assert terminal.wait() == 0, terminal.text


def _output(program: Path, arguments: list[str], env: Mapping[str, str]) -> str:
    done = subprocess.run(
        [program, *arguments], env=env, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=env["HOME"]
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


@contextmanager
def _demo(program: Path, env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """A demo that runs in here: the variables for it."""
    with subprocess.Popen([program, "demo", "--no-tui"], env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield {"SCAICORE_TUI_URL": ready["url"], "SCAICORE_TUI_TOKEN": ready["token"]}
        finally:
            process.terminate()


def main() -> None:
    """Install it, and try it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        program = install(folder)
        try_it(program, folder)


if __name__ == "__main__":
    main()
