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

HOUR_S = 3_600
BUSY_RUN = "exec_nodes"
# The number of strings in each review with many fields.
STRINGS_PER_REVIEW = 24
# Longer strings only have a run and a review of their own: shared runs and reviews would become too long.
SHORT_CHARS = 400


class HostileFeed:
    """Serves runs and checkpoints made of `strings`.

    While `error_message` is set, every request fails with it; while `refusal` is set, every write is rejected with it.

    Half of the events have control characters as JSON escapes, half as bytes, which JSON forbids.
    """

    def __init__(self, strings: Sequence[str]) -> None:
        self.strings = strings
        self.short = [text for text in strings if len(text) <= SHORT_CHARS]
        self.posts: list[str] = []
        self.error_message: str | None = None
        self.refusal: str | None = None
        self._began = time.time() - HOUR_S
        self.events = [as_json(event, raw=number % 2 == 1) for number, event in enumerate(self._events())]
        self.pending = [*self._reviews(), *self._rich_reviews(), *self._breakpoints()]
        self.resolved = list(self._resolved())

    def respond(self, request: httpx.Request) -> httpx.Response:
        """Respond to a request."""
        if self.error_message is not None:
            return self._refuse(503, self.error_message)
        if request.method == "POST":
            self.posts.append(request.url.path)
            return self._refuse(422, self.refusal) if self.refusal is not None else self._accept_write(request.url.path)
        if request.url.path.endswith("/events"):
            body = b",".join(reversed(self.events))
            return self._ok(b'{"data": {"events": [' + body + b'], "next_cursor": null}}')
        rows = {"resolved": self.resolved, "pending": self.pending}.get(request.url.params.get("status", "pending"), [])
        return self._ok(as_json({"data": {"checkpoints": rows, "next_cursor": None}}))

    def _ok(self, body: bytes) -> httpx.Response:
        return httpx.Response(200, headers=UNLIMITED, content=body)

    def _refuse(self, status: int, message: str) -> httpx.Response:
        error = {"code": message, "message": message, "details": {message: message}}
        body = {"status": "error", "error": error, "meta": {"request_id": message}}
        return httpx.Response(status, headers=UNLIMITED, content=as_json(body))

    def _accept_write(self, path: str) -> httpx.Response:
        """Return the response to an accepted answer or invocation; add an event that follows it."""
        text = self.strings[len(self.posts) % len(self.strings)]
        self.events.append(
            as_json(self._event(f"{RUNTIME}block.entered", HOUR_S, "x", **self._execution_id_field(path), node_id=text))
        )
        if path.endswith("/invoke"):
            return self._ok(as_json({"data": {"output": {text: text}, "request_id": text, "execution_id": text}}))
        row = self._review(text, 0, "x") | {"status": "resolved", "resolution": text, "resolved_by": text}
        return self._ok(as_json({"data": row}))

    def _execution_id_field(self, path: str) -> dict[str, Any]:
        """Return the `execution_id` of the run that continues after the answer, or of the run that was invoked."""
        answered = (row["execution_id"] for row in self.pending if f"/{row['id']}/" in path)
        return {"execution_id": next(answered, self.strings[len(self.posts) % len(self.strings)])}

    def _at(self, second: int) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(self._began + second))

    def _event(self, kind: str, second: int, core: str, **payload: Any) -> dict[str, Any]:
        return {"type": kind, "core_id": core, "timestamp": self._at(second), "payload": payload}

    def _events(self) -> Iterator[dict[str, Any]]:
        """Yield a failed run for each string, a run whose nodes are the strings, and events of unknown types."""
        for number, text in enumerate(self.strings):
            run = {"execution_id": f"{text}#{number}", "instance_key": text, "entity_id": text}
            start, end = f"{RUNTIME}invocation.started", f"{RUNTIME}invocation.failed"
            yield self._event(start, number, f"core_{text}", **run, input={text: text})
            yield self._event(end, number + 1, f"core_{text}", **run, error={"code": text, "message": text})
        yield from self._nodes()
        for number, text in enumerate(self.short):
            yield {"type": text, "core_id": text, "timestamp": text, "payload": {"note": text, text: [text]}}
            yield self._event(text, 900 + number, text, execution_id=BUSY_RUN, message=text)

    def _nodes(self) -> Iterator[dict[str, Any]]:
        """Yield a running run whose input, nodes and results are the strings."""
        run = {"execution_id": BUSY_RUN, "instance_key": "\n".join(self.short)[:5_000]}
        whole = {f"{text}{number}": text for number, text in enumerate(self.short)}
        yield self._event(f"{RUNTIME}invocation.started", 900, "core_nodes", **run, input=whole)
        for number, text in enumerate(self.short):
            fields = run | {"node_id": f"{text}.{number}", "block_kind": text}
            at = 901 + number
            yield self._event(f"{RUNTIME}block.entered", at, "core_nodes", **fields, source_location={"node_id": text})
            if number % 3 == 0:
                failure = {"error": {"type": text, "message": text}}
                yield self._event(f"{RUNTIME}block.failed", at, "core_nodes", **fields, **failure)
            elif number % 3 == 1:
                bound = {"result_binding": text, "result_binding_value": {text: [text, {text: text}]}}
                yield self._event(f"{RUNTIME}block.exited", at, "core_nodes", **fields, **bound)
            else:
                bound = {"result_binding": text, "result_binding_value": text}
                yield self._event(f"{RUNTIME}block.exited", at, "core_nodes", **fields, **bound)

    def _reviews(self) -> Iterator[dict[str, Any]]:
        """Yield a review for each string; all its fields are that string."""
        for number, text in enumerate(self.strings):
            yield self._review(text, number, f"{text}#{number}")

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
        """Yield the most urgent reviews: each has many strings in its message, fields, options and context."""
        for begin in range(0, len(self.short), STRINGS_PER_REVIEW):
            strings = self.short[begin : begin + STRINGS_PER_REVIEW]
            fields = [{"name": text, "label": text, "value": text} for text in strings]
            yield self._review(strings[0], begin, BUSY_RUN) | {
                "id": f"ckpt_{begin:04}",
                "checkpoint_type": "hitl_review",
                "presentation": {
                    "title": " ".join(strings)[:400],
                    "message": "\n".join(strings),
                    "sections": [{"type": "input", "title": "all of them", "fields": fields}],
                },
                "options": [{"id": text, "label": text} for text in strings],
                "context": {f"{text}{number}": text for number, text in enumerate(strings)},
                "priority": "critical",
                "created_at": self._at(begin),
            }

    def _breakpoints(self) -> Iterator[dict[str, Any]]:
        for number, text in enumerate(self.strings[:40]):
            review = self._review(text, number, f"{text}#{number}")
            yield review | {"id": f"break_{number}", "checkpoint_type": "debug_breakpoint", "priority": "high"}

    def _resolved(self) -> Iterator[dict[str, Any]]:
        for number, text in enumerate(self.strings):
            answer = {"status": "resolved", "resolution": text, "resolved_by": text, "resolved_at": self._at(number)}
            yield self._review(text, number, f"{text}#{number}") | answer


# The escape of a control character. The number of backslashes before it is even, or it would be escaped itself.
_ESCAPED = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u00([01][0-9a-f]|7f)|([bf]))")
_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def as_json(value: Any, *, raw: bool = False) -> bytes:
    """Return JSON in UTF-8, with control characters as they are if it is `raw`.

    Surrogates that stand for a byte (U+DC80 to U+DCFF) become that byte; all others are escaped.
    """
    text = _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
    if raw:
        text = _ESCAPED.sub(lambda found: found[1] + _decode_escape(found[2], found[3]), text)
    return text.encode("utf-8", "surrogateescape")


def _decode_escape(code: str | None, letter: str | None) -> str:
    return chr(int(code, 16)) if code else {"b": "\b", "f": "\f"}[letter or ""]
