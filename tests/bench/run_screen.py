"""Rows: bytes and response time of a cursor key on the screen of one run, in each view of its steps. At 120x40."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, cycle, islice
from statistics import median

from tests.bench.goals import Goal
from tests.bench.probes import first_byte, on_terminal, percentile, press_keys
from tests.bench.registry import Row, Setting, row
from tests.bench.start import REFERENCE
from tests.bench.volume import journal_of
from tests.support.builders import MILLISECOND, NOON, completed, entered, exited, started
from tests.support.terminal import DEBUGGER, Terminal

SIZE = (120, 40)
VIEWS = {"1": "Timeline", "2": "Steps in order", "3": "Flow", "4": "Events", "7": "Compare"}
FEW_VISITS, MANY_VISITS, MANY_VISITS_SMALL = 10, 50_000, 1_000
# The nodes of an iteration, with results of different shapes.
NODES: dict[str, object] = {
    "extract": {"number": "41315", "vendor": "Unknown Trading Ltd", "net": 2248.71},
    "check": True,
    "post": {"reference": {"id": "ERP-7", "lines": [1, 7]}},
    "describe": "Unknown Trading Ltd, two lines, paid within thirty days",
    "add_up": 4497.42,
}
# The other run of the Core began so long before.
EARLIER = 3_600_000 * MILLISECOND
AT_REST_S, KEYS_AT_REST = 0.3, 7
WARM_UP = 6


def long_run(visits: int, execution: str = "exec_1", begin: int = NOON) -> Iterator[bytes]:
    """Yield the events of one run: a loop with `visits` visits, one of each node in each iteration."""
    yield started(begin, execution, input={"batch": "B-6948", "invoices": [41315, 41316]}).raw
    yield entered("each", begin, execution, kind="foreach").raw
    for number, (node, value) in enumerate(islice(cycle(NODES.items()), visits)):
        at = begin + (2 * number + 1) * MILLISECOND
        yield entered(node, at, execution).raw
        yield exited(node, at + MILLISECOND, execution, result_binding=node, result_binding_value=value).raw
    at = begin + (2 * visits + 1) * MILLISECOND
    yield exited("each", at, execution, kind="foreach").raw
    yield completed(at, execution).raw


@row("run-screen", 75)
def run_screen(setting: Setting) -> Iterator[Row]:
    """Measure a cursor key in a short and in a long run, beside the reference app."""
    times = setting.size(40, 4)
    sizes = (FEW_VISITS, setting.size(MANY_VISITS, MANY_VISITS_SMALL))
    with ExitStack() as stack:
        bare = stack.enter_context(on_terminal(REFERENCE, ready="exec_", size=SIZE))
        short, long = (_opened(stack, visits) for visits in sizes)
        few, few_note = _bytes_of_views(short)
        many, many_note = _bytes_of_views(long)
        yield Goal.RUN_BYTES_FEW.row(few, "bytes", note=few_note)
        yield Goal.RUN_BYTES_MANY.row(many, "bytes", note=many_note)
        keys = islice(cycle(("down", "up")), WARM_UP + times)
        found = [[first_byte(terminal, key) for terminal in (short, long, bare)] for key in keys][WARM_UP:]
    few_ms, many_ms, bare_ms = (percentile(each, 0.5) for each in zip(*found, strict=True))
    yield Goal.RUN_KEY_FEW.row(few_ms, "ms", bare_ms, f"{sizes[0]} visits")
    yield Goal.RUN_KEY_MANY.row(many_ms, "ms", bare_ms, f"{sizes[1]:,} visits")


def _opened(stack: ExitStack, visits: int) -> Terminal:
    """Open the screen of a run with so many visits, after another one of its Core, which it is compared with."""
    before = long_run(FEW_VISITS, "exec_0", NOON - EARLIER)
    path = stack.enter_context(journal_of(chain(before, long_run(visits))))
    command = (*DEBUGGER, "--offline", "--journal", str(path))
    terminal = stack.enter_context(on_terminal(command, ready="exec_", size=SIZE))
    terminal.wait_for_silence(AT_REST_S)
    terminal.press("enter")
    terminal.wait_until("each")
    terminal.wait_until(lambda: "TOOK" in terminal.text)
    return terminal


def _bytes_of_views(terminal: Terminal) -> tuple[float, str]:
    """Return the bytes of a cursor key at rest in the view where it costs most, and those of each as a note.

    The keys go from the loop through all nodes of one iteration and on.
    """
    found = {}
    for digit, name in VIEWS.items():
        terminal.press(digit, "g")
        if name == "Compare":
            terminal.wait_until("same input")
            terminal.wait_for_silence(AT_REST_S)
        presses = press_keys(terminal, KEYS_AT_REST, "j", quiet=AT_REST_S)
        # At the end of a short list, a key does nothing.
        found[name] = median(press.bytes for press in presses if press.bytes)
    terminal.press("1")
    return max(found.values()), ", ".join(f"{name} {count:,.0f}" for name, count in found.items())
