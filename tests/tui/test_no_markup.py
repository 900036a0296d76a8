"""No markup from data: where Textual or Rich interpret markup in a text, the program only passes its own literals.

Lines are spans (`tui/render/line.py`), in which nothing is interpreted. The exceptions are the few calls in which
Textual reads markup in a text, or runs an action by its name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source_tree import MODULES, PACKAGE, tree_of

# The allowed imports of modules that show text. Rich's texts, consoles and tables, and Textual's Content, read markup.
WIDGETS = {"Input", "TextArea", "Label", "LoadingIndicator"}
RICH = {"rich.cells", "rich.color", "rich.segment", "rich.style"}
# Imported only as a type.
TYPES = {"rich.console.RenderableType"}
FORBIDDEN = ("textual.content", "textual.markup", "textual.visual", "textual.widgets._", "textual.renderables")
# Functions that read markup in a text, or run an action.
SINKS = {"Label", "Static", "notify", "from_markup", "from_text", "Hit", "DiscoveryHit", "Binding", "run_action"}
# Parameters and attributes in which markup is read.
NAMES = {
    "placeholder",
    "tooltip",
    "border_title",
    "border_subtitle",
    "title",
    "sub_title",
    "label",
    "content",
    "markup",
}
# Parameters of a style that make a text clickable, or a link.
STYLING = {"meta", "link"}
# An `Input` shows its placeholder without markup; tests/hostile checks that.
PLAIN = {
    ("tui/widgets/item_form.py", "placeholder: f'comment (optional): {back} goes back, {send} sends'"),
    ("tui/widgets/inputs.py", "placeholder: f'this profile is protected: {request}'"),
}
# Values from the registry of actions, or from a message with one of its ids.
REGISTRY = {
    "action.id",
    "action.description",
    "request.action_id",
}
REGISTRY |= {"key"}


def imported_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden_imports(tree: ast.Module) -> list[str]:
    """Return the imported names that could interpret markup."""
    found = []
    for name in imported_names(tree):
        module, _, member = name.rpartition(".")
        is_rich = name.partition(".")[0] == "rich" and module not in RICH and name not in TYPES
        is_widget = module == "textual.widgets" and member not in WIDGETS
        if is_rich or is_widget or name.startswith(FORBIDDEN):
            found.append(name)
    return found


def is_own_text(node: ast.expr) -> bool:
    """Return True for a literal, and for values from the registry of actions."""
    return isinstance(node, ast.Constant) or ast.unparse(node) in REGISTRY


def sinks(tree: ast.Module) -> Iterator[tuple[str, ast.expr, set[str]]]:
    """Yield each text that is passed to a sink: the sink, the text, and the parameters of the function around it."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = function.args
            names = {argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)}
            yield from ((name, text, names) for node in ast.walk(function) for name, text in texts(node))
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from ((name, text, set()) for part in class_level(node) for name, text in texts(part))


def class_level(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a statement, without the functions in it."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from class_level(child)


def texts(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield what a call or an assignment passes to a sink."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in SINKS:
            yield from ((called, argument) for argument in node.args)
            yield from ((called, keyword.value) for keyword in node.keywords)
        is_style = "Style" in ast.unparse(node.func)
        names = NAMES | STYLING if is_style else NAMES
        yield from ((keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg in names)
        if called in ("from_meta", "update"):
            yield from ((called, argument) for argument in node.args if isinstance(argument, ast.JoinedStr | ast.BinOp))
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        attributes = [target.attr for target in targets if isinstance(target, ast.Attribute)]
        yield from ((name, node.value) for name in attributes if name in NAMES and node.value is not None)


def violations(source: str, where: str = "") -> list[str]:
    """Return the sinks with a text from data. A parameter passed on under its own name is checked at the caller."""
    tree = ast.parse(source)
    found = forbidden_imports(tree)
    for name, text, parameters in sinks(tree):
        is_passed_on = isinstance(text, ast.Name) and text.id == name and name in parameters
        violation = f"{name}: {ast.unparse(text)}"
        if not is_own_text(text) and not is_passed_on and (where, violation) not in PLAIN:
            found.append(violation)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_markup_is_only_read_in_own_texts(path: Path) -> None:
    where = path.relative_to(PACKAGE)
    if where.parts[0] in ("tui", "cli"):
        assert not violations(path.read_text(), str(where))
    else:
        assert not forbidden_imports(tree_of(path))


@pytest.mark.parametrize(
    "source",
    [
        'def f(run): yield Label(f"run {run.id}")',
        'def f(run): yield Static("run " + run.id)',
        "def f(self, run): self.app.notify(run.error)",
        'def f(self, run): self.border_title = "%s" % run.id',
        'def f(self, run): self.tooltip: str = f"{run}"',
        "def f(run): return TypedText(placeholder=run.id)",
        "class A:\n    part = Label(NAME)",
        'async def f(self, run): await self.run_action(f"open({run.id!r})")',
        'def f(run): return Binding("x", run.action, "x")',
        "def f(self, run): self._label.update(f'{run}')",
        "def f(run): return Style(link=run.url)",
        'def f(run): return Style.from_meta({"@click": run.action} | {})',
        "from rich.text import Text",
        "from rich.markup import escape",
        "from textual.content import Content",
        "from textual.widgets import Static",
        "import rich",
    ],
)
def test_the_check_finds_texts_from_data(source: str) -> None:
    assert violations(source)


@pytest.mark.parametrize(
    "source",
    [
        'def f(): yield Label("entity")',
        "def f(*, placeholder=''): return Input(placeholder=placeholder)",
        'def f(self): self.placeholder = "answer"',
        "async def f(self, request): await self.run_action(request.action_id)",
        "def f(self, rows): self._places.update(rows)",
    ],
)
def test_the_check_accepts_own_texts(source: str) -> None:
    assert not violations(source)
