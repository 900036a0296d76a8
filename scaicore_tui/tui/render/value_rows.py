"""JSON values as rows that fold, for reading and searching. Pure.

Rows of text from a flow stand behind the quote bar. Strings wrap: no row is wider than the list.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any

from msgspec import Struct

from scaicore_tui.protocol.lenient_json import decode_value
from scaicore_tui.text import cell_width, json_inline, one_line, sanitize, wrap
from scaicore_tui.tui.render.line import BAR, Line, Span, line_width

# The keys that lead from the sections to a value, the key of its section first.
Path = tuple[str | int, ...]

OPEN, CLOSED = "▾ ", "▸ "
INDENT = "  "
# Deeper values are shown in one line, and of longer ones only the begin: `y` copies all of them.
MAX_DEPTH = 40
MAX_MEMBERS, MAX_STRING_LINES = 1_000, 200
MAX_NAME_CELLS = 40
MIN_TEXT_CELLS = 12
# A search looks at no more values than this.
MAX_SEARCHED = 200_000
# The API leaves out large values, and says so. This is the wording in all views.
TRUNCATED = "too large for the feed"


class _Missing:
    """The type of NO_VALUE."""


NO_VALUE = _Missing()


class Section(Struct, frozen=True):
    """A value with a title, or a line of text without a value.

    Attributes:
        key: identifies the section, and stays the same while the run goes on.
        title: one safe line of the program, or, with `is_foreign`, of the flow.
        note: safe text after the title.
        source: JSON of the value, decoded when it is needed; used instead of `value`. `summary` stands for it when it
            is closed: one safe line.
        open_depth: how many levels are open at first: with 0 the section itself is closed.
        has_preview: a closed section shows its value in one line.
        is_last: it is in the last lines of the list if there is room, and stays there while others change.
    """

    key: str
    title: str
    value: Any = NO_VALUE
    note: str = ""
    colour: str = "text"
    note_colour: str = "grey"
    open_depth: int = 0
    is_foreign: bool = False
    source: bytes = b""
    summary: str = ""
    has_preview: bool = True
    is_last: bool = False

    @property
    def has_value(self) -> bool:
        return self.value is not NO_VALUE or bool(self.source)

    @property
    def content(self) -> Any:
        """The value, decoded if it is JSON."""
        return decode_value(self.source) if self.source else self.value

    def preview(self, width: int) -> str:
        """Return the value as one line."""
        return self.summary if self.source else json_inline(self.value, width)


class ValueRow(Struct, frozen=True):
    """One row.

    Attributes:
        path: what it shows a part of; several rows of a long string have the same.
        label: name of the value, for people.
        fold_path: path that folds and unfolds it; None if it does not fold.
    """

    path: Path
    line: Line
    label: str
    value: Any = NO_VALUE
    fold_path: Path | None = None


class _Item(Struct, frozen=True):
    """A value that is still to be shown, with the name that leads to it."""

    path: Path
    name: str
    value: Any
    depth: int


def value_rows(sections: Sequence[Section], toggled: Container[Path], width: int) -> list[ValueRow]:
    """Return the rows of `sections`, at most `width` cells wide; `toggled` are those folded or unfolded by hand."""
    rows: list[ValueRow] = []
    for section in sections:
        rows += _section_rows(section, toggled, width)
    return rows


def find_paths(sections: Sequence[Section], needle: str) -> list[tuple[Path, bool]]:
    """Return all paths in order, each with whether its name or text has `needle`, whatever its case."""
    wanted, found = needle.casefold(), list[tuple[Path, bool]]()
    for section in sections:
        found.append(((section.key,), wanted in f"{section.title} {section.note}".casefold()))
        if not section.has_value:
            continue
        content = section.content
        if not isinstance(content, dict | list):
            found[-1] = ((section.key,), found[-1][1] or wanted in _text(content).casefold())
        for item in _walk(_members((section.key,), content, 1)):
            if len(found) >= MAX_SEARCHED:
                return found
            text = item.name if isinstance(item.value, dict | list) else f"{item.name} {_text(item.value)}"
            found.append((item.path, wanted in text.casefold()))
    return found


def parents_of(path: Path) -> Iterator[Path]:
    """Yield the paths of all values around a value, the outermost first."""
    return (path[:length] for length in range(1, len(path)))


def is_open(path: Path, sections: Sequence[Section], toggled: Container[Path]) -> bool:
    """Return whether the value at `path` is unfolded."""
    depth = next((section.open_depth for section in sections if section.key == path[0]), 0)
    return (len(path) <= depth) != (path in toggled)


def _walk(first: Sequence[_Item]) -> Iterator[_Item]:
    """Yield the values and all that is in them, in reading order."""
    pending = list(reversed(first))
    while pending:
        item = pending.pop()
        yield item
        if item.depth < MAX_DEPTH:
            pending += reversed(_members(item.path, item.value, item.depth + 1))


def _section_rows(section: Section, toggled: Container[Path], width: int) -> Iterator[ValueRow]:
    path: Path = (section.key,)
    opened = (section.open_depth > 0) != (path in toggled)
    can_fold = section.has_value and section.value not in ({}, [])
    content = section.content if opened and can_fold else section.value
    head: list[Span] = [BAR] if section.is_foreign else []
    head += [((OPEN if opened else CLOSED) if can_fold else "", "grey"), (section.title, section.colour)]
    if section.note:
        head.append((f"  {one_line(section.note, width)}", section.note_colour))
    if section.has_value and section.has_preview and not (opened and can_fold):
        # What follows is text from the flow: the bar is before it, also inside a row.
        head += [("  ", "text"), *([] if section.is_foreign else [BAR]), (section.preview(width), "grey")]
    value = section.source.decode("utf-8", "backslashreplace") if section.source else content
    yield ValueRow(path, head, " ".join(section.title.split()), value, path if can_fold else None)
    if opened and can_fold:
        if isinstance(content, dict | list):
            yield from _open_rows(section, content, toggled, width)
        else:
            yield from _leaf_rows(_Item(path, "", content, 1), width, section.colour, path)


def _open_rows(section: Section, content: Any, toggled: Container[Path], width: int) -> Iterator[ValueRow]:
    pending = list(reversed(_members((section.key,), content, 1)))
    while pending:
        item = pending.pop()
        if not isinstance(item.value, dict | list) or not item.value or item.depth >= MAX_DEPTH:
            yield from _leaf_rows(item, width, section.colour, None)
            continue
        opened = (len(item.path) <= section.open_depth) != (item.path in toggled)
        yield _container_row(item, width, is_opened=opened)
        if opened:
            pending += reversed(_members(item.path, item.value, item.depth + 1))


def _container_row(item: _Item, width: int, *, is_opened: bool) -> ValueRow:
    """Return the row of an object or a list: with its length if it is open, else with the begin of its text."""
    spans: list[Span] = [BAR, (INDENT * item.depth + (OPEN if is_opened else CLOSED), "grey"), (item.name, "accent")]
    left = width - line_width(spans) - 2
    count = f"[{len(item.value):,}]" if isinstance(item.value, list) else f"{{{len(item.value):,}}}"
    spans.append((f"  {count if is_opened else json_inline(item.value, max(left, MIN_TEXT_CELLS))}", "grey"))
    return ValueRow(item.path, spans, _label(item.path), item.value, item.path)


def _members(path: Path, value: Any, depth: int) -> list[_Item]:
    """Return the members of an object or a list; none of any other value."""
    if isinstance(value, dict):
        keys: Sequence[tuple[str | int, Any]] = list(value.items())[:MAX_MEMBERS]
    elif isinstance(value, list):
        keys = list(enumerate(value[:MAX_MEMBERS]))
    else:
        return []
    members = [_Item((*path, key), one_line(str(key), MAX_NAME_CELLS), inner, depth) for key, inner in keys]
    left = len(value) - len(members)
    return [*members, _Item((*path, "…"), "…", f"{left:,} more: y on the value copies all", depth)] if left else members


def _leaf_rows(item: _Item, width: int, colour: str, fold_path: Path | None) -> Iterator[ValueRow]:
    """Yield the rows of a value that has no members: a string may take several."""
    margin = INDENT * item.depth + ("" if fold_path is not None else "  ")
    name = f"{item.name}  " if item.name else ""
    cells = cell_width(BAR[0]) + cell_width(margin)
    text = _text(item.value)
    shade = "text" if isinstance(item.value, str) else "blue"
    shade = shade if colour.startswith("text") else colour
    is_short = "\n" not in text and cells + cell_width(name) + cell_width(text[: width + 1]) <= width
    if is_short:
        lines, hanging = [one_line(text)], name
    else:
        free_cells = width - cells - cell_width(name)
        hanging = name if free_cells >= MIN_TEXT_CELLS else ""
        lines = wrap(text, max(MIN_TEXT_CELLS, free_cells if hanging else width - cells), MAX_STRING_LINES)
    if name and not hanging:
        yield _row(item, [BAR, (margin, "text"), (item.name, "accent")], fold_path)
    for number, line in enumerate(lines):
        shown = hanging if number == 0 else " " * cell_width(hanging)
        yield _row(item, [BAR, (margin, "text"), (shown, "accent"), (line, shade)], fold_path)


def _row(item: _Item, line: Line, fold_path: Path | None) -> ValueRow:
    return ValueRow(item.path, line, _label(item.path), item.value, fold_path)


def _label(path: Path) -> str:
    """Return a path for people, such as `input.invoices[2].net`."""
    parts = [f"[{key}]" if isinstance(key, int) else f".{one_line(key, MAX_NAME_CELLS)}" for key in path]
    return "".join(parts).removeprefix(".")


def _text(value: Any) -> str:
    return sanitize(value) if isinstance(value, str) else json_inline(value)
