"""Run arbitrary bytes through the program: decode, stitch, reduce, render. No step may raise, or render unsafe text.

`try_body` is the entry point of every fuzzer. `mutants` changes real bodies at random and makes a thousand times as
many per second as hypothesis, which can shrink a failing one.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from scaicore_tui.analysis.checkpoint_order import Reviewer
from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import decode_event, read_checkpoint_page, read_event_page, read_problem
from scaicore_tui.runs.summary import decode_summary, encode_summary
from scaicore_tui.sync.stitch import KnownTail, detect_order, join_ascending, new_events
from scaicore_tui.text import sanitize
from scaicore_tui.tui.render.checkpoints import inbox_row
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.render.run_row import RowFacts, run_row
from scaicore_tui.tui.render.waiting_line import waiting_row
from tests.support import stored
from tests.support.builders import checkpoint, completed, entered, event, exited, started
from tests.support.hostile.bodies import READABLE, TIMESTAMPS, UNREADABLE
from tests.support.memory_index import MemoryIndex
from tests.support.run_screen_lines import run_screen_lines

DATA = Path(__file__).parents[1] / "data"
NOW, WIDTH = 1_777_464_090.0, 78


def try_body(body: bytes) -> None:
    """Decode, reduce and render one body. Raises AssertionError for a wrong result; other exceptions are bugs too."""
    try_events(body)
    try_checkpoints(body)
    assert str(read_problem(500, {}, body).to_error())


def try_events(body: bytes) -> None:
    """Process a body as a page of events."""
    try:
        page = read_event_page(body)
    except ValueError:
        return
    events = page.events[::-1]
    assert all(repr(decode_event(event.raw)) == repr(event) for event in events)
    half = events[: len(events) // 2]
    new = new_events(events, Counter(event.raw for event in half))
    assert len(new) == len(events) - len(half)
    assert len(join_ascending([half, events])) <= len(half) + len(events)
    assert KnownTail([event.raw for event in half[::-1]], lambda raw: set(raw) <= set(events)).is_reached_by(
        events
    ) in (0, 1)
    detect_order(events)
    index = MemoryIndex()
    index.add_newer(half)
    index.add_newer(new)
    for summary in index.summaries():
        assert encode_summary(decode_summary(encode_summary(summary))) == encode_summary(summary)
        check_lines([run_row(summary, WIDTH, RowFacts(NOW))])
    for run in stored.runs(index):
        json.dumps(run_document(run))
        check_lines(run_screen_lines(run, events, WIDTH))


def try_checkpoints(body: bytes) -> None:
    """Process a body as a page of checkpoints."""
    try:
        page = read_checkpoint_page(body)
    except ValueError:
        return
    for row in page.checkpoints:
        json.dumps(row.raw)
        check_lines([waiting_row(row, 120, NOW, Reviewer()), inbox_row(row, WIDTH, NOW, None)])
        assert row.body_text is not None


def check_lines(lines: Iterable[Line]) -> None:
    """Check that no line contains control characters."""
    for line in lines:
        for text, _ in line:
            assert text == sanitize(text)
            assert "\n" not in text


def seeds() -> list[bytes]:
    """Return bodies as the API sends them, and malformed ones."""
    run = [started(), entered("a"), exited("a", result_binding_value={"x": [1, "é"]}), entered(None), completed()]
    failed = event("block.failed", node_id="a", error={"code": "E", "message": ["no"]})
    small = [raw for raw in (*UNREADABLE.values(), *READABLE.values()) if len(raw) < 2_000]
    timed = [json.dumps({"type": "a", "timestamp": stamp}).encode() for stamp in TIMESTAMPS]
    pages = [b'{"data": {"events": [%b], "next_cursor": "c"}}' % b", ".join(each.raw for each in (*run, failed))]
    pages += [b'{"events": [%b, %b]}' % (run[0].raw, raw) for raw in (*small, *timed) if len(raw) < 2_000]
    pages += [json.dumps({"data": {"checkpoints": [checkpoint(), checkpoint("2", options=[{"id": 1}])]}}).encode()]
    return pages + [path.read_bytes() for path in sorted(DATA.glob("*.json"))]


# Inserted into mutants, besides parts of other bodies.
FRAGMENTS = (
    *(b'"', b"\\", b"[", b"]", b"{", b"}", b",", b":", b"\\u", b"\\ud800", b"\x00", b"\x1b", b"\xff", b"\xed\xa0\x80"),
    *(b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"null", b"true", b"[" * 300, b'{"a":' * 300, b'""', b"\xef\xbb\xbf"),
    *(b"scaicore.runtime.block.exited", b"scaicore.runtime.invocation.failed", b"execution_id", b"node_id"),
    *(b'"timestamp": "9999-12-31T23:59:59-14:00"', b'"duration_ms": 1e400', "\u202e\u200b\u0301".encode() * 9),
)


def mutants(count: int, seed: int) -> Iterator[bytes]:
    """Yield `count` bodies: real ones with a few random changes."""
    chance = random.Random(seed)  # noqa: S311  (not used for secrets)
    bodies = seeds()
    for _ in range(count):
        body = bytearray(chance.choice(bodies))
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            mutate(body, chance, bodies)
        yield bytes(body)


def mutate(body: bytearray, random_source: random.Random, bodies: list[bytes]) -> None:
    """Change a random part of `body` in place."""
    at = random_source.randrange(len(body) + 1)
    end = min(len(body), at + int(random_source.expovariate(0.1)))
    match random_source.randrange(6):
        case 0:
            body[at:end] = random_source.choice(FRAGMENTS)
        case 1:
            body[at:at] = random_source.choice(FRAGMENTS)
        case 2:
            del body[at:end]
        case 3:
            body[at:at] = body[at:end] * random_source.choice((1, 2, 20))
        case 4:
            other = random_source.choice(bodies)
            begin = random_source.randrange(len(other))
            body[at:end] = other[begin : begin + int(random_source.expovariate(0.02))]
        case 5 if at < len(body):
            body[at] = random_source.randrange(256)


# Bodies of about `size` bytes that could take a reader more than linear time.
GROWING: dict[str, Callable[[int], bytes]] = {
    "events": lambda size: b'{"events": [' + b",".join([entered("a").raw] * (size // 150)) + b"]}",
    "lists in lists": lambda size: b'{"events": [' + b"[" * (size // 2) + b"]" * (size // 2) + b"]}",
    "objects in objects": lambda size: b'{"events": [' + b'{"a":' * (size // 6) + b"1" + b"}" * (size // 6) + b"]}",
    "invalid words": lambda size: b'{"events": [' + b",".join([b"tru"] * (size // 4)) + b"]}",
    "invalid events": lambda size: b'{"events": [' + b",".join([b'{"a": tru}'] * (size // 11)) + b"]}",
    "deep values": lambda size: b'{"events": [' + b",".join([b"[" * 300 + b"]" * 300] * (size // 601)) + b"]}",
    "quotes": lambda size: b'{"events": ["' + b'\\"' * (size // 2),
    "quotes without end": lambda size: b'{"events": [' + b'"' * size,
    "backslashes": lambda size: b'{"events": ["' + b"\\" * size + b'"]}',
    "brackets without end": lambda size: b'{"events": [' + b"[{" * (size // 2),
    "blanks": lambda size: b'{"events": [' + b" " * size + b"tru]}",
    "lines": lambda size: b'{"events": [' + b"\n" * (size // 2) + b",".join([b"tru"] * (size // 8)) + b"]}",
    "a repeated key": lambda size: b'{"events": [{"payload": {' + b",".join([b'"a":1'] * (size // 6)) + b"}}]}",
    "many keys": lambda size: (
        b'{"events": [{"payload": {' + b",".join(b'"%d":1' % n for n in range(size // 10)) + b", x}}]}"
    ),
    "many nodes": lambda size: (
        b'{"events": [' + b",".join(entered(f"n{n}", n * 1000).raw for n in range(size // 160)) + b"]}"
    ),
    "exits without entries": lambda size: (
        b'{"events": [' + b",".join(exited(None, n * 1000).raw for n in range(size // 160)) + b"]}"
    ),
    "checkpoints": lambda size: (
        b'{"checkpoints": [' + b",".join([json.dumps(checkpoint()).encode()] * (size // 330)) + b"]}"
    ),
    "invalid checkpoints": lambda size: b'{"checkpoints": [' + b",".join([b'{"id": x}'] * (size // 10)) + b"]}",
}


GROWTH_FACTOR = 8


def time_growth(kind: str, size: int) -> float:
    """Return how many times as long a body GROWTH_FACTOR times as large takes: about GROWTH_FACTOR if linear."""
    return timed(GROWING[kind](GROWTH_FACTOR * size)) / timed(GROWING[kind](size))


def grows_less_than(limit: float, kind: str, size: int) -> bool:
    """Return True if a body GROWTH_FACTOR times as large takes less than `limit` times as long in one of six tries."""
    small, large = GROWING[kind](size), GROWING[kind](GROWTH_FACTOR * size)
    limit_s = limit * timed(small)
    return any(cpu_seconds(large) < limit_s for _ in range(6))


def timed(body: bytes) -> float:
    """Return the CPU seconds to decode and reduce a body: the best of three."""
    return max(1e-6, min(cpu_seconds(body) for _ in range(3)))


def cpu_seconds(body: bytes) -> float:
    """Return the CPU seconds to decode and reduce a body."""
    begin = time.process_time()
    for reader in (read_event_page, read_checkpoint_page):
        try:
            page = reader(body)
        except ValueError:
            continue
        MemoryIndex().add_newer(getattr(page, "events", []))
    read_problem(500, {}, body)
    return time.process_time() - begin
