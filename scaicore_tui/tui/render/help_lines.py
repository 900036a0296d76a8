"""The lines of the help: the states with their glyphs, and the keys of one context by purpose. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from scaicore_tui.runs.status_style import BREAKPOINT, GAP, NODE_STYLES, REVIEW, RUN_STYLES, StatusStyle
from scaicore_tui.text import cell_width, wrap
from scaicore_tui.tui.key_contexts import KeyAction
from scaicore_tui.tui.render.line import Line, Span, column, line_width

# The purposes by which keys are grouped, in this order, each with the ids of its actions. All others are ways to look.
_GROUPS: Mapping[str, str] = {
    "Acting": "answer continue continue_all replay send choose mark mark_alike mark_range edit editor captured fields "
    "toggle_stop_on_failure stop_replays switch demo",
    "Moving": "cursor_down cursor_up page_down page_up first last next_pane previous_pane next_error previous_error "
    "open open_replay fold list_runs read_form newer_run older_run next_field option_down option_up read_down read_up "
    "follow_link back inbox",
    "Finding": "filter next_match previous_match view mine causes sort command_palette help",
    "Looking": "",
    "Time": "earlier later earlier_change later_change earlier_visit later_visit moment first_event last_event",
    "Copying": "copy copy_id copy_all write",
    "The app": "pause refresh_now profile theme repaint app.suspend_process quit",
}
OTHERS = "Looking"
# From this width on, the groups stand in two columns. All widths are in cells.
TWO_COLUMNS_CELLS = 96
KEY_CELLS, GUTTER_CELLS, STATE_NAME_CELLS = 13, 3, 7


def help_lines(actions: Sequence[KeyAction], needle: str, width: int) -> list[Line]:
    """Return the help for `actions`. With a `needle`, only the keys and states whose text has all of its words."""
    words = needle.casefold().split()
    states = list(_state_lines(words, width))
    groups = list(_groups([action for action in actions if _matches(action, words)]))
    if not groups and not states:
        return [[("no key or state matches: esc shows all", "amber")]]
    keys = _beside(groups, width) if width >= TWO_COLUMNS_CELLS else _below(groups, width)
    return [*states, *([[]] if states and keys else []), *keys]


def _matches(action: KeyAction, words: Iterable[str]) -> bool:
    text = f"{action.key_names} {action.description} {action.label}".casefold()
    return all(word in text for word in words)


def _groups(actions: Sequence[KeyAction]) -> Iterator[tuple[str, list[KeyAction]]]:
    """Yield the groups that have keys."""
    group_of = {action_id: name for name, ids in _GROUPS.items() for action_id in ids.split()}
    for name in _GROUPS:
        members = [action for action in actions if group_of.get(action.id, OTHERS) == name]
        if members:
            yield name, _without_repeats(members)


def _without_repeats(actions: Iterable[KeyAction]) -> list[KeyAction]:
    """Return the actions, each once, with all of its keys."""
    found: dict[tuple[str, str], KeyAction] = {}
    for action in actions:
        first = found.get((action.id, action.description))
        found[action.id, action.description] = (
            action if first is None else replace(first, keys=first.keys + action.keys)
        )
    return list(found.values())


def _below(groups: Iterable[tuple[str, list[KeyAction]]], width: int) -> list[Line]:
    lines: list[Line] = []
    for name, actions in groups:
        lines += [*([[]] if lines else []), *_group_lines(name, actions, width)]
    return lines


def _beside(groups: Sequence[tuple[str, list[KeyAction]]], width: int) -> list[Line]:
    """Return the groups in two columns, each group in one of them, the columns as equally long as possible."""
    each = (width - GUTTER_CELLS) // 2
    heights = [len(_group_lines(name, actions, each)) + 1 for name, actions in groups]
    split = min(range(len(groups) + 1), key=lambda at: max(sum(heights[:at]), sum(heights[at:])))
    left, right = _below(groups[:split], each), _below(groups[split:], each)
    lines: list[Line] = []
    for row in range(max(len(left), len(right))):
        first = left[row] if row < len(left) else []
        second = right[row] if row < len(right) else []
        gap: Span = (" " * (each + GUTTER_CELLS - line_width(first)), "text")
        lines.append([*first, gap, *second] if second else first)
    return lines


def _group_lines(name: str, actions: Iterable[KeyAction], width: int) -> list[Line]:
    lines: list[Line] = [[(name, "text strong")]]
    for action in actions:
        indent = max(KEY_CELLS, cell_width(action.key_names) + 1)
        first, *rest = wrap(action.description, max(1, width - indent))
        lines.append([column(action.key_names, indent, "accent strong"), (first, "text")])
        lines += [[column("", indent), (line, "text")] for line in rest]
    return lines


def _state_lines(words: Sequence[str], width: int) -> Iterator[Line]:
    for name, styles in (("runs", [*RUN_STYLES.values()]), ("steps", [*NODE_STYLES.values(), BREAKPOINT, REVIEW, GAP])):
        shown = [style for style in styles if all(word in style.word for word in words)]
        yield from _wrapped(name, shown, width)


def _wrapped(name: str, styles: Iterable[StatusStyle], width: int) -> Iterator[Line]:
    """Yield the states of one kind, on as many lines as they need."""
    line: list[Span] = []
    title = name
    for style in styles:
        span = (f"{style.glyph} {style.word}  ", style.colour)
        if line and line_width([*line, span]) > width:
            yield line
            line = []
        line = [*(line or [column(title, STATE_NAME_CELLS, "grey")]), span]
        title = ""
    if line:
        yield line
