"""Rules of the source code that no linter checks."""

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
    "cli/commands/schema.py": "each command has its own module",
    "cli/commands/sql.py": "each command has its own module",
    "tui/preload.py": "runs in its own thread, and imports modules that its importer must not import",
}
VERSION_SCRIPT = """
import sys
sys.argv = ["scaicore-tui", "--version"]
from scaicore_tui.__main__ import main
main()
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def imports_at_start(tree: ast.Module) -> Iterator[str]:
    """Yield the modules that a module imports when it is imported."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def calls(tree: ast.Module) -> tuple[str, ...]:
    """Return the called functions of a module, as written."""
    return tuple(ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def names(paths: list[Path]) -> list[str]:
    """Return the paths relative to the package."""
    return [str(path.relative_to(PACKAGE)) for path in paths]


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "cli").rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_the_command_line_imports_app_and_servers_only_inside_functions(path: Path) -> None:
    packages = ("scaicore_tui.tui", "scaicore_tui.servers.grid", "scaicore_tui.servers.proxy", "textual")
    assert not [name for name in imports_at_start(tree_of(path)) if name.startswith(packages)]


def test_only_the_clock_reads_the_time() -> None:
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


def test_each_standard_stream_is_written_by_one_module() -> None:
    def writers(stream: str) -> list[str]:
        return names([path for path in MODULES if f"sys.{stream}.write" in set(calls(tree_of(path)))])

    assert writers("stdout") == ["cli/output/stdout.py"]
    assert writers("stderr") == ["cli/output/stderr.py"]


def test_only_the_submitter_calls_the_write_methods_of_the_client() -> None:
    write_methods = {"self.client.resolve", "self.client.invoke", "self._client.resolve", "self._client.invoke"}
    found = [path for path in MODULES if any(name in write_methods for name in calls(tree_of(path)))]
    assert names(found) == ["actions/submit.py"]


def importers() -> dict[Path, set[Path]]:
    """Return, for each module, the modules of the program that import it."""
    path_by_name = {
        ".".join((PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in MODULES
    }
    found: dict[Path, set[Path]] = {path: set() for path in MODULES}
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.module:
                for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                    if name in path_by_name and path_by_name[name] != path:
                        found[path_by_name[name]].add(path)
    return found


def line_count(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_module_has_more_than_450_lines() -> None:
    """Longer modules nearly always contain a second idea."""
    assert not [
        f"{name}: {line_count(PACKAGE / name)} lines" for name in names(MODULES) if line_count(PACKAGE / name) > 450
    ]


def test_no_module_is_a_helper_of_its_only_importer() -> None:
    """A module of fewer than 50 lines with a single importer is probably a private helper of that importer."""
    used = importers()
    modules = [path for path in MODULES if path.name != "__init__.py"]
    small = [path for path in modules if line_count(path) < 50 and len(used[path]) == 1]
    assert sorted(names(small)) == sorted(SMALL)


def test_the_version_is_printed_without_importing_large_libraries() -> None:
    shown = subprocess.run([sys.executable, "-c", VERSION_SCRIPT], capture_output=True, text=True, check=True).stdout
    version, modules = shown.splitlines()
    assert version.startswith("scaicore-tui ")
    assert not {"textual", "httpx", "pydantic", "starlette", "typer", "sqlite3"} & set(modules.split())


def test_all_writes_go_through_session_submitter_client_and_transport() -> None:
    """The session calls the submitter, the submitter the client, and the client the transport."""

    def callers(*methods: str) -> list[str]:
        client_modules = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] != "servers"]
        return names([path for path in client_modules if any(call.endswith(methods) for call in calls(tree_of(path)))])

    http_methods = ("post", "put", "patch", "delete", "request", "send", "stream")
    assert callers(*(f"http.{method}" for method in http_methods)) == ["api/client.py", "api/transport.py"]
    assert callers("client.resolve", "client.invoke") == ["actions/submit.py"]
    assert callers("submitter.answer", "submitter.replay") == ["session/commands.py"]


def test_front_ends_use_the_session_and_not_its_collaborators() -> None:
    """The session has its own members for what front ends need of the client, the journal and writes."""
    collaborators = {"client", "journal", "tracker", "submitter"}

    def reaches_through(path: Path) -> bool:
        used = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute))
        return any(node.attr in collaborators and ast.unparse(node.value).endswith("session") for node in used)

    front_ends = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] in ("cli", "tui")]
    assert not [path for path in front_ends if reaches_through(path)]


def test_no_test_module_imports_another_test_module() -> None:
    """Shared helpers belong in `tests.support`, shared fixtures in a `conftest.py`."""
    trees = {path: tree_of(path) for path in sorted(TESTS.rglob("*.py"))}
    assert not [path.name for path, tree in trees.items() if any(".test_" in name for name in imports_at_start(tree))]


def test_helpers_of_tests_are_in_one_package() -> None:
    programs = {"bench", "docs", "promises", "support"}  # packages that contain more than tests
    modules = [path for path in TESTS.glob("*/*.py") if path.parent.name not in programs]
    allowed = {"__init__.py", "__main__.py", "conftest.py"}
    assert not [path.name for path in modules if path.name not in allowed and not path.name.startswith("test_")]
