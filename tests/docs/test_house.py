"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.source_tree import MODULES, PACKAGE, tree_of

TESTS = Path(__file__).parents[1]
# Small modules with one importer that stay, each with the reason.
SMALL = {
    "cli/commands/schema.py": "each command is a module of its own",
    "tui/alerts.py": "the only part of the app that rings the bell: found by its name",
    "tui/preload.py": "runs in a thread of its own, and imports what its importer must not",
}
LOADED = """
import sys
sys.argv = ["scaicore-tui", "--version"]
from scaicore_tui.__main__ import main
main()
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def imports_at_start(tree: ast.Module) -> Iterator[str]:
    """The modules that importing this one imports."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def calls(tree: ast.Module) -> tuple[str, ...]:
    return tuple(ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(PACKAGE)) for path in paths]


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "cli").rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_the_command_line_reaches_app_and_servers_inside_functions(path: Path) -> None:
    rooms = ("scaicore_tui.tui", "scaicore_tui.servers.grid", "scaicore_tui.servers.proxy", "textual")
    assert not [name for name in imports_at_start(tree_of(path)) if name.startswith(rooms)]


def test_only_the_clock_knows_the_time() -> None:
    clocks = {
        "time.time",
        "time.monotonic",
        "time.clock_gettime",
        "time.sleep",
        "asyncio.sleep",
        "datetime.now",
        "datetime.utcnow",
    }
    found = [path for path in MODULES if clocks & set(calls(tree_of(path)))]
    assert names(found) == ["clock.py", "servers/grid/demo/virtual_clock.py"]


def test_only_one_module_writes_each_stream() -> None:
    def writers(stream: str) -> list[str]:
        return names([path for path in MODULES if f"sys.{stream}.write" in set(calls(tree_of(path)))])

    assert writers("stdout") == ["cli/output/stdout.py"]
    assert writers("stderr") == ["cli/output/stderr.py"]


def test_only_actions_write_to_the_api() -> None:
    posting = {"self.client.resolve", "self.client.invoke", "self._client.resolve", "self._client.invoke"}
    found = [path for path in MODULES if any(name in posting for name in calls(tree_of(path)))]
    assert names(found) == ["actions/submit.py"]


def importers() -> dict[Path, set[Path]]:
    """Return, for each module, the modules of the program that import it."""
    named = {".".join((PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in MODULES}
    found: dict[Path, set[Path]] = {path: set() for path in MODULES}
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                    if name in named and named[name] != path:
                        found[named[name]].add(path)
    return found


def line_count(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_each_module_is_one_idea() -> None:
    """Past 450 lines a module nearly always holds a second idea; below, judge by ideas and not by lines."""
    assert not [
        f"{name}: {line_count(PACKAGE / name)} lines" for name in names(MODULES) if line_count(PACKAGE / name) > 450
    ]


def test_no_module_is_a_part_of_another_one() -> None:
    """Under 50 lines and with a single importer a module is probably a private helper of that importer."""
    used = importers()
    modules = [path for path in MODULES if path.name != "__init__.py"]
    small = [path for path in modules if line_count(path) < 50 and len(used[path]) == 1]
    assert sorted(names(small)) == sorted(SMALL)


def test_the_version_loads_next_to_nothing() -> None:
    shown = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout
    version, modules = shown.splitlines()
    assert version.startswith("scaicore-tui ")
    assert not {"textual", "httpx", "pydantic", "starlette", "typer", "sqlite3"} & set(modules.split())


def test_nothing_but_the_submitter_posts() -> None:
    """One gate for all writes: the transport posts for the client, and the client for the submitter."""

    def callers(*methods: str) -> list[str]:
        ours = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] != "servers"]
        return names([path for path in ours if any(call.endswith(methods) for call in calls(tree_of(path)))])

    ways = ("post", "put", "patch", "delete", "request", "send", "stream")
    assert callers(*(f"http.{way}" for way in ways)) == ["api/client.py", "api/transport.py"]
    assert callers("client.resolve", "client.invoke") == ["actions/submit.py"]
    assert callers("submitter.answer", "submitter.replay") == ["session/commands.py"]


def test_front_ends_use_the_session_and_not_its_collaborators() -> None:
    """All that they need of client, journal and writes is a member of the session with a name of its own."""
    collaborators = {"client", "journal", "tracker", "submitter"}

    def reaches_through(path: Path) -> bool:
        used = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute))
        return any(node.attr in collaborators and ast.unparse(node.value).endswith("session") for node in used)

    front_ends = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] in ("cli", "tui")]
    assert not [path for path in front_ends if reaches_through(path)]


def test_no_test_module_imports_another_one() -> None:
    """What tests share lies in `tests.support`, or in a `conftest.py` where it is a fixture."""
    trees = {path: tree_of(path) for path in sorted(TESTS.rglob("*.py"))}
    assert not [path.name for path, tree in trees.items() if any(".test_" in name for name in imports_at_start(tree))]


def test_helpers_of_tests_lie_in_one_package() -> None:
    programs = {"bench", "docs", "promises", "support"}  # these are packages of their own, with tests beside them
    beside = [path for path in TESTS.glob("*/*.py") if path.parent.name not in programs]
    allowed = {"__init__.py", "__main__.py", "conftest.py"}
    assert not [path.name for path in beside if path.name not in allowed and not path.name.startswith("test_")]
