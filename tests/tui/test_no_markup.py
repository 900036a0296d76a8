"""No markup from data: what is shown as text by Textual or Rich is a literal of ours, or never reaches them as text.

Lines are spans (`tui/render/line.py`), which nothing interprets. The rest are the few calls where Textual reads markup
in a text, or runs an action by its name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source_tree import MODULES, PACKAGE, tree_of

# All that may be loaded of what shows text. Rich's own texts, consoles and tables, and Textual's Content, read markup.
WIDGETS = {"Input", "TextArea", "Label", "LoadingIndicator"}
RICH = {"rich.cells", "rich.color", "rich.segment", "rich.style"}
# Only a type.
TYPES = {"rich.console.RenderableType"}
FORBIDDEN = ("textual.content", "textual.markup", "textual.visual", "textual.widgets._", "textual.renderables")
# What takes a text with markup, or an action; by the name of the call.
SINKS = {"Label", "Static", "notify", "from_markup", "from_text", "Hit", "DiscoveryHit", "Binding", "run_action"}
# … and by the name of the parameter or attribute.
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
# What makes a text clickable, or a link.
STYLING = {"meta", "link"}
# An `Input` shows its placeholder as it is: tests/hostile looks at that.
PLAIN = {
    ("tui/widgets/inputs.py", "placeholder: f'this profile is protected: {request}'"),
    ("tui/palette.py", "placeholder: self._placeholder"),
}
# Out of the registry of actions, or a message that carries one of its ids.
REGISTRY = {
    "action.id",
    "action.description",
    "action.key_names",
    "request.action_id",
    "matcher.highlight(action.description)",
}
REGISTRY |= {"key", "command", "score"}


def loaded(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def strange_imports(tree: ast.Module) -> list[str]:
    """What is loaded that could show text of its own accord."""
    found = []
    for name in loaded(tree):
        module, _, what = name.rpartition(".")
        is_rich = name.partition(".")[0] == "rich" and module not in RICH and name not in TYPES
        is_widget = module == "textual.widgets" and what not in WIDGETS
        if is_rich or is_widget or name.startswith(FORBIDDEN):
            found.append(name)
    return found


def is_ours(node: ast.expr) -> bool:
    """A literal, or something that only our own registry of actions says."""
    return isinstance(node, ast.Constant) or ast.unparse(node) in REGISTRY


def sinks(tree: ast.Module) -> Iterator[tuple[str, ast.expr, set[str]]]:
    """Each text that goes into a sink: the sink's name, the text, and the parameters of the function around it."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = function.args
            names = {one.arg for one in (*arguments.args, *arguments.kwonlyargs)}
            yield from ((name, text, names) for node in ast.walk(function) for name, text in texts(node))
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from ((name, text, set()) for part in class_level(node) for name, text in texts(part))


def class_level(node: ast.AST) -> Iterator[ast.AST]:
    """A statement without the functions in it."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from class_level(child)


def texts(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What a call or an assignment gives to a sink."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in SINKS:
            yield from ((called, argument) for argument in node.args)
            yield from ((called, keyword.value) for keyword in node.keywords)
        is_style = "Style" in ast.unparse(node.func)
        names = NAMES | STYLING if is_style else NAMES
        yield from ((word.arg, word.value) for word in node.keywords if word.arg in names)
        if called in ("from_meta", "update"):
            yield from ((called, argument) for argument in node.args if isinstance(argument, ast.JoinedStr | ast.BinOp))
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        attributes = [target.attr for target in targets if isinstance(target, ast.Attribute)]
        yield from ((name, node.value) for name in attributes if name in NAMES and node.value is not None)


def violations(source: str, where: str = "") -> list[str]:
    """Sinks with a text that is not ours. A parameter that is passed on under its own name is its caller's."""
    tree = ast.parse(source)
    found = strange_imports(tree)
    for name, text, parameters in sinks(tree):
        is_passed_on = isinstance(text, ast.Name) and text.id == name and name in parameters
        violation = f"{name}: {ast.unparse(text)}"
        if not is_ours(text) and not is_passed_on and (where, violation) not in PLAIN:
            found.append(violation)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_text_of_anybody_else_goes_where_markup_is_read(path: Path) -> None:
    where = path.relative_to(PACKAGE)
    if where.parts[0] in ("tui", "cli"):
        assert not violations(path.read_text(), str(where))
    else:
        assert not strange_imports(tree_of(path))


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
def test_the_lint_finds(source: str) -> None:
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
def test_the_lint_leaves(source: str) -> None:
    assert not violations(source)
