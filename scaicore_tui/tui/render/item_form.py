"""The form of the checkpoint that is selected in the inbox: what it asks, its run so far, how it was answered. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from scaicore_tui.analysis.review_form import field_label, form_sections, input_field_lines, is_input_section
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import RunStatus, Summary
from scaicore_tui.runs.status_style import BREAKPOINT, NODE_STYLES, REVIEW, RUN_STYLES
from scaicore_tui.text import cell_width, display_name, json_inline, one_line, truncate, wrap
from scaicore_tui.timefmt import NOW, age_text, format_time, parse
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.render.checkpoint_detail import packed, quoted_lines, title_lines, urgency_spans
from scaicore_tui.tui.render.checkpoints import flow_label
from scaicore_tui.tui.render.line import BAR, Line, Span, column, wrap_spans
from scaicore_tui.tui.render.runs import short_id
from scaicore_tui.tui.render.value_rows import Section

# From this width on, the fields stand in two columns.
TWO_COLUMNS_CELLS = 76
MAX_LABEL_CELLS = 24
MAX_MESSAGE_LINES = 12
MAX_FIELD_LINES, MAX_FIELDS = 3, 60
MAX_RUN_LINES, MAX_RUN_NODES = 2, 40
INPUT_MARK = " (input)"


def heading_spans(checkpoint: Checkpoint) -> list[Span]:
    """Return kind, flow, node and run, for the heading of the form."""
    style = BREAKPOINT if checkpoint.is_breakpoint else REVIEW
    if not checkpoint.is_pending:
        style = RUN_STYLES[RunStatus.COMPLETED]
    spans: list[Span] = [
        (f"{style.glyph} ", f"{style.colour} strong"),
        (display_name(flow_label(checkpoint)), "text strong"),
    ]
    if checkpoint.node_id:
        spans.append((f" · node {display_name(checkpoint.node_id)}", "grey"))
    if checkpoint.execution_id:
        key = key_name("follow_link", KeyContext.INBOX)
        spans.append((f" · run {short_id(checkpoint.execution_id)} ({key} opens it)", "grey"))
    return spans


def form_lines(checkpoint: Checkpoint, run: Summary | None, width: int, now: float) -> list[Line]:
    """Return title, message and fields behind the bar, then the urgency, and the run so far."""
    quoted_width = width - cell_width(BAR[0])
    lines = quoted_lines(
        [*title_lines(checkpoint, quoted_width)[:MAX_MESSAGE_LINES], *_fields(checkpoint, quoted_width)]
    )
    lines += packed(urgency_spans(checkpoint, now), width)
    lines += run_lines(checkpoint, run, width)
    if input_field_lines(checkpoint):
        lines += [[(line, "grey")] for line in wrap(_no_input(), width)]
    return lines


def answered_lines(checkpoint: Checkpoint, width: int, now: float) -> list[Line]:
    """Return what an answered checkpoint asked, and its answer: option, comment, who, when."""
    quoted_width = width - cell_width(BAR[0])
    option = checkpoint.find_option(checkpoint.resolution or "") if checkpoint.resolution else None
    name = option.label if option is not None and option.label else ""
    answered_at = parse(checkpoint.resolved_at)
    facts: list[Line] = [
        _fact(
            "answer", display_name(checkpoint.resolution or checkpoint.status), f"  {one_line(name)}" if name else ""
        ),
        _fact(
            "by", display_name(checkpoint.resolved_by) if checkpoint.resolved_by else "somebody: the API does not say"
        ),
    ]
    if answered_at is not None:
        age = age_text(answered_at, now)
        facts.append(_fact("at", format_time(answered_at, now), f"  {age} ago" if age != NOW else ""))
    comment = quoted_lines(
        [[(line, "text")] for line in wrap(checkpoint.comment, quoted_width)] if checkpoint.comment else []
    )
    title = quoted_lines(
        [*title_lines(checkpoint, quoted_width)[:MAX_MESSAGE_LINES], *_fields(checkpoint, quoted_width)]
    )
    return [*title, *facts, [("comment", "grey")] if comment else [("no comment", "grey")], *comment]


def run_lines(checkpoint: Checkpoint, run: Summary | None, width: int) -> list[Line]:
    """Return the nodes of the run that waits, in the order of their first visits."""
    if run is None:
        return [] if checkpoint.execution_id is None else [[("run so far: its events are not read", "grey")]]
    spans: list[Span] = [("run so far: ", "grey")]
    nodes = list(zip(run.node_ids, run.node_states, strict=True))
    if len(nodes) > MAX_RUN_NODES:
        spans.append((f"{len(nodes) - MAX_RUN_NODES} more  ", "grey"))
    for node_id, state in nodes[-MAX_RUN_NODES:]:
        style = REVIEW if node_id is not None and node_id == checkpoint.node_id else NODE_STYLES[state]
        spans.append(
            (f"{style.glyph} {display_name(node_id or '(block)')}  ", style.colour if style is REVIEW else "text")
        )
    return [*wrap_spans(spans, width, MAX_RUN_LINES)]


def context_sections(checkpoint: Checkpoint, note: str) -> list[Section]:
    """Return the context as a value that folds, with a `note`; none if there is none."""
    if checkpoint.context in (None, {}, []):
        return []
    return [Section("context", "context", checkpoint.context, note)]


def _fact(name: str, value: str, note: str = "") -> Line:
    return [column(name, 9, "grey"), (value, "text strong"), (note, "grey")]


def _fields(checkpoint: Checkpoint, width: int) -> Iterator[Line]:
    """Yield the fields of the form, label and value, in two columns if there is enough width."""
    cells = [_field(field, section_is_input) for field, section_is_input in _all_fields(checkpoint)][:MAX_FIELDS]
    label_cells = max((cell_width(label) for label, _ in cells), default=0) + 2
    if width < TWO_COLUMNS_CELLS:
        for label, value in cells:
            yield from _field_lines(label, value, label_cells, width, width)
        return
    half = width // 2
    for first, second in zip_longest(cells[0::2], cells[1::2], fillvalue=("", "")):
        left = list(_field_lines(first[0], first[1], label_cells, half - 1, half))
        right = list(_field_lines(second[0], second[1], label_cells, width - half, width - half))
        for one, other in zip_longest(left, right):
            yield [*(one or [column("", half)]), *(other or [])]


def _all_fields(checkpoint: Checkpoint) -> Iterator[tuple[object, bool]]:
    for section in form_sections(checkpoint):
        yield from ((field, is_input_section(section)) for field in section["fields"])


def _field(field: object, is_input: bool) -> tuple[str, str]:
    """Return label and value of a field, each one safe line."""
    if not isinstance(field, dict):
        return "", json_inline(field)
    mark = INPUT_MARK if is_input else ""
    label = one_line(field_label(field), MAX_LABEL_CELLS - cell_width(mark))
    value = field.get("value")
    if isinstance(value, bool):
        return label + mark, "yes" if value else "no"
    return label + mark, one_line(value) if isinstance(value, str) else json_inline(value)


def _field_lines(label: str, value: str, label_cells: int, width: int, padded: int) -> Iterator[Sequence[Span]]:
    """Yield a field in lines of `padded` cells, of which `width` may hold text, `label_cells` of them the label."""
    label_cells = min(label_cells, max(8, width // 2))
    for number, line in enumerate(wrap(value, max(4, width - label_cells), MAX_FIELD_LINES) or [""]):
        shown = truncate(label, label_cells - 1) if number == 0 else ""
        yield [column(shown, label_cells, "grey"), column(line, padded - label_cells)]


def _no_input() -> str:
    tab, fields = key_name("next_field", KeyContext.INBOX), key_name("fields", KeyContext.COMMENT)
    return f"The API takes no input fields: in the comment ({tab}), {fields} inserts them."
