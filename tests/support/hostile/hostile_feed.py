"""A server that puts given strings into every field of the API, and counts the writes that it receives."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from tests.support.builders import RUNTIME
from tests.support.feed_simulator import UNLIMITED

HOUR = 3_600
BUSY_RUN = "exec_nodes"
# So many strings are in one review, where there is room for many.
NODE_COUNT = 24
# Longer ones have a run and a review of their own alone: what all of them share would have no end.
SHORT_CHARS = 400


class HostileFeed:
    """Serves runs and checkpoints made of `strings`. While `error_message` is set, every request fails with it.

    Half of the events have their control signs as JSON escapes, half as bytes, as no writer of JSON should.
    """

    def __init__(self, strings: Sequence[str]) -> None:
        self.strings = strings
        self.short = [words for words in strings if len(words) <= SHORT_CHARS]
        self.posts: list[str] = []
        self.error_message: str | None = None
        self.refusal: str | None = None
        self._began = time.time() - HOUR
        told = enumerate(self._events())
        self.events = [as_json(event, raw=number % 2 == 1) for number, event in told]
        self.pending = [*self._reviews(), *self._rich_reviews(), *self._breakpoints()]
        self.resolved = list(self._resolved())

    def respond(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request."""
        if self.error_message is not None:
            return self._refuse(503, self.error_message)
        if request.method == "POST":
            self.posts.append(request.url.path)
            return self._refuse(422, self.refusal) if self.refusal is not None else self._accepted(request.url.path)
        if request.url.path.endswith("/events"):
            body = b",".join(reversed(self.events))
            return self._accept(b'{"data": {"events": [' + body + b'], "next_cursor": null}}')
        rows = {"resolved": self.resolved, "pending": self.pending}.get(request.url.params.get("status", "pending"), [])
        return self._accept(as_json({"data": {"checkpoints": rows, "next_cursor": None}}))

    def _accept(self, body: bytes) -> httpx.Response:
        return httpx.Response(200, headers=UNLIMITED, content=body)

    def _refuse(self, status: int, message: str) -> httpx.Response:
        error = {"code": message, "message": message, "details": {message: message}}
        body = {"status": "error", "error": error, "meta": {"request_id": message}}
        return httpx.Response(status, headers=UNLIMITED, content=as_json(body))

    def _accepted(self, path: str) -> httpx.Response:
        """An answer or an invocation was taken."""
        words = self.strings[len(self.posts) % len(self.strings)]
        self.events.append(
            as_json(self._event(f"{RUNTIME}block.entered", HOUR, "x", **self._invocation(path), node_id=words))
        )
        if path.endswith("/invoke"):
            return self._accept(
                as_json({"data": {"output": {words: words}, "request_id": words, "execution_id": words}})
            )
        row = self._review(words, 0, "x") | {"status": "resolved", "resolution": words, "resolved_by": words}
        return self._accept(as_json({"data": row}))

    def _invocation(self, path: str) -> dict[str, Any]:
        """The run that goes on after an answer, or begins."""
        answered = (row["execution_id"] for row in self.pending if f"/{row['id']}/" in path)
        return {"execution_id": next(answered, self.strings[len(self.posts) % len(self.strings)])}

    def _at(self, second: int) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(self._began + second))

    def _event(self, kind: str, second: int, core: str, **payload: Any) -> dict[str, Any]:
        return {"type": kind, "core_id": core, "timestamp": self._at(second), "payload": payload}

    def _events(self) -> Iterator[dict[str, Any]]:
        """A failed run for each string, one whose nodes they are, some with many of them, and events of no kind."""
        for number, words in enumerate(self.strings):
            run = {"execution_id": f"{words}#{number}", "instance_key": words, "entity_id": words}
            start, end = f"{RUNTIME}invocation.started", f"{RUNTIME}invocation.failed"
            yield self._event(start, number, f"core_{words}", **run, input={words: words})
            yield self._event(end, number + 1, f"core_{words}", **run, error={"code": words, "message": words})
        yield from self._nodes()
        for number, words in enumerate(self.short):
            yield {"type": words, "core_id": words, "timestamp": words, "payload": {"note": words, words: [words]}}
            yield self._event(words, 900 + number, words, execution_id=BUSY_RUN, message=words)

    def _nodes(self) -> Iterator[dict[str, Any]]:
        """A run at work, whose input, nodes and results are the strings."""
        run = {"execution_id": BUSY_RUN, "instance_key": "\n".join(self.short)[:5_000]}
        whole = {f"{words}{number}": words for number, words in enumerate(self.short)}
        yield self._event(f"{RUNTIME}invocation.started", 900, "core_nodes", **run, input=whole)
        for number, words in enumerate(self.short):
            place = run | {"node_id": f"{words}.{number}", "block_kind": words}
            at = 901 + number
            yield self._event(f"{RUNTIME}block.entered", at, "core_nodes", **place, source_location={"node_id": words})
            if number % 3 == 0:
                failure = {"error": {"type": words, "message": words}}
                yield self._event(f"{RUNTIME}block.failed", at, "core_nodes", **place, **failure)
            elif number % 3 == 1:
                bound = {"result_binding": words, "result_binding_value": {words: [words, {words: words}]}}
                yield self._event(f"{RUNTIME}block.exited", at, "core_nodes", **place, **bound)
            else:
                bound = {"result_binding": words, "result_binding_value": words}
                yield self._event(f"{RUNTIME}block.exited", at, "core_nodes", **place, **bound)

    def _reviews(self) -> Iterator[dict[str, Any]]:
        """A review for each string, of which all fields are that string."""
        for number, words in enumerate(self.strings):
            yield self._review(words, number, f"{words}#{number}")

    def _review(self, text: str, number: int, run: str) -> dict[str, Any]:
        field = {"name": text, "label": text, "value": text}
        sections = [{"type": kind, "title": text, "fields": [field, text]} for kind in ("context", "input", text)]
        return {
            "id": f"{text}@{number}",
            "core_id": f"core_{text}",
            "checkpoint_type": text or "hitl_review",
            "status": "pending",
            "presentation": {"title": text, "message": text, "sections": sections},
            "options": [{"id": text, "label": text}, text, {"value": f"{text}!", "label": f"{text}?"}],
            "created_at": self._at(number),
            "expires_at": text,
            "expiry_action": text,
            "execution_id": run,
            "node_id": text,
            "flow_name": text,
            "prompt": text,
            "context": {text: [text, {text: text}]},
            "priority": text,
            "assignee_raw": text,
            "comment": text,
            text: text,
        }

    def _rich_reviews(self) -> Iterator[dict[str, Any]]:
        """Reviews with many strings in whatever has room for many, the most urgent of all."""
        for begin in range(0, len(self.short), NODE_COUNT):
            some = self.short[begin : begin + NODE_COUNT]
            fields = [{"name": words, "label": words, "value": words} for words in some]
            yield self._review(some[0], begin, BUSY_RUN) | {
                "id": f"ckpt_{begin:04}",
                "checkpoint_type": "hitl_review",
                "presentation": {
                    "title": " ".join(some)[:400],
                    "message": "\n".join(some),
                    "sections": [{"type": "input", "title": "all of them", "fields": fields}],
                },
                "options": [{"id": words, "label": words} for words in some],
                "context": {f"{words}{number}": words for number, words in enumerate(some)},
                "priority": "critical",
                "created_at": self._at(begin),
            }

    def _breakpoints(self) -> Iterator[dict[str, Any]]:
        for number, words in enumerate(self.strings[:40]):
            review = self._review(words, number, f"{words}#{number}")
            yield review | {"id": f"break_{number}", "checkpoint_type": "debug_breakpoint", "priority": "high"}

    def _resolved(self) -> Iterator[dict[str, Any]]:
        for number, words in enumerate(self.strings):
            told = {"status": "resolved", "resolution": words, "resolved_by": words, "resolved_at": self._at(number)}
            yield self._review(words, number, f"{words}#{number}") | told


# An escape of a control sign, behind an even number of backslashes: JSON could not be cut there otherwise.
_ESCAPED = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u00([01][0-9a-f]|7f)|([bf]))")
_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def as_json(value: Any, *, raw: bool = False) -> bytes:
    """JSON in UTF-8, in which some lone surrogates are the bytes that they stand for; `raw` with control signs as they
    are."""
    text = _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", json.dumps(value, ensure_ascii=False))
    if raw:
        text = _ESCAPED.sub(lambda found: found[1] + _decode_escape(found[2], found[3]), text)
    return text.encode("utf-8", "surrogateescape")


def _decode_escape(code: str | None, letter: str | None) -> str:
    return chr(int(code, 16)) if code else {"b": "\b", "f": "\f"}[letter or ""]
