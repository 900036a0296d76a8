"""No identifier and no text for people uses a word of the project's former private dialect.

The glossary of the README says which words are used instead. A word is listed here with what it used to mean, and what
to write.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.source_tree import MODULES, PACKAGE, ROOT, tree_of

# Parts of identifiers, as `telling_of` has `telling` and `of`.
FORBIDDEN_IN_NAMES = {
    "told": "a message, or what a server sent: use message, text, row, answer",
    "tell": "publish, report, print",
    "tells": "publish, report, print",
    "teller": "stream",
    "said": "message, text, value",
    "whoever": "caller, owner",
    "aside": "background",
    "shelf": "cache",
    "desk": "state",
    "book": "index",
    "hole": "gap",
    "holes": "gaps",
    "sweep": "head read",
    "descent": "page walk",
    "place": "position, location, key context",
    "places": "positions, locations, key contexts",
    "passage": "visit",
    "haste": "confirm too soon",
    "hasty": "confirm too soon",
    "unheeded": "warnings",
    "verdict": "hint",
    "oddity": "anomaly",
    "oddities": "anomalies",
    "spill": "buffer in memory",
    "came": "arrived, new",
    "patience": "timeout, with its unit",
    "strange": "unexpected, foreign",
}
# Whole identifiers: they had several meanings, and as parts of longer ones they are clear.
FORBIDDEN_NAMES = {
    "piece": "span, chunk, part",
    "pieces": "spans, chunks, line",
    "most": "the limit, with its unit",
    "least": "the minimum, with its unit",
    "room": "the width or the number that is left",
    "look": "style, probe, check",
}
# A verdict is one on a replay there; elsewhere the word meant a hint in a dialog.
MODULES_WITH_VERDICTS = {path for path in MODULES if "replay" in path.name}
# Fields of the documents that `--json` prints: they were published with these names, which never change.
PUBLISHED_FIELDS = {
    PACKAGE / "export" / "document_types.py": {"oddities", "place"},
    PACKAGE / "export" / "record_types.py": {"holes"},
}
# In texts for people: messages, help, notices, configuration comments, manual pages and the README.
FORBIDDEN_IN_TEXTS = {
    "told": "reported, shown, written",
    "whoever": "who, the caller",
    "so many": "the number",
    "so long": "the age",
    "came of": "the outcome of",
    "aside": "in the background",
    "surprise": "failure",
    "haste": "too soon",
    "a mistake of its own": "internal error",
    "is no good": "is not valid",
    "was had": "was read",
    "be had": "be read",
    "of its own accord": "by itself",
    "what said so": "where the value comes from",
}


def identifiers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield each name that this module defines, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def parts(name: str) -> set[str]:
    """Return the words of an identifier, in lower case."""
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def docstrings(tree: ast.Module) -> set[ast.Constant]:
    """Return the docstrings of a module, its classes and functions."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    statements = (node.body[0] for node in ast.walk(tree) if isinstance(node, owners) and node.body)
    return {
        first.value for first in statements if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    }


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield each string with a space in it, with its line, except docstrings: most of them are for people."""
    skipped = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped and " " in node.value:
            yield node.lineno, node.value


def forbidden(text: str) -> list[str]:
    """Return the forbidden words of a text."""
    return [word for word in FORBIDDEN_IN_TEXTS if re.search(rf"\b{word}\b", text, re.IGNORECASE)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_names_are_the_terms_of_the_field(path: Path) -> None:
    found = {
        f"line {line}: {name}: {word} → {FORBIDDEN_IN_NAMES[word]}"
        for line, name in identifiers(tree_of(path))
        if name not in PUBLISHED_FIELDS.get(path, ())
        for word in sorted(parts(name) & FORBIDDEN_IN_NAMES.keys())
        if not (word == "verdict" and path in MODULES_WITH_VERDICTS)
    }
    found |= {
        f"line {line}: {name} → {FORBIDDEN_NAMES[name.lower()]}"
        for line, name in identifiers(tree_of(path))
        if name.lower() in FORBIDDEN_NAMES
    }
    assert not sorted(found)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_messages_are_plain(path: Path) -> None:
    assert not [f"line {line}: {word}: {text!r}" for line, text in texts(tree_of(path)) for word in forbidden(text)]


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted(PACKAGE.rglob("*.md"))], ids=lambda path: path.name)
def test_documents_are_plain(path: Path) -> None:
    assert not forbidden(path.read_text())


def test_docstrings_do_not_begin_with_a_question_word() -> None:
    """A docstring begins with what a function does, or with what a class is."""
    begins = re.compile(r"(What|Whether|So many|How many|How long|Where|Whose|Who)\b")
    violations = [
        f"{path.relative_to(PACKAGE)}:{found.lineno}: {str(found.value).splitlines()[0]}"
        for path in MODULES
        for found in docstrings(tree_of(path))
        if isinstance(found.value, str) and begins.match(found.value)
    ]
    assert not violations
