"""Redaction: what looks like a secret is replaced in events and checkpoints, before they become runs. Pure.

So no format can show what was replaced. A secret is the value of a member whose name says so (`password`, `api_key`), a
text in a known form (a JWT), or what is at a path that the profile names. It becomes `[redacted 1a2b3c4d]`, a keyed
hash: equal secrets stay equal, and nobody without the key can find a secret by hashing guesses.
"""

from __future__ import annotations

import hmac
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from scaicore_tui.analysis.flow_view import FlowView
from scaicore_tui.export.exporter import Redacted
from scaicore_tui.export.json_scan import JsonScan, Member
from scaicore_tui.json_text import write
from scaicore_tui.protocol import Event, decode_event, envelope
from scaicore_tui.protocol.checkpoints import Checkpoint, read_checkpoint
from scaicore_tui.secret_shapes import COUNT_KEY, SECRET_KEY, SECRET_SHAPES, may_have_secret
from scaicore_tui.secrets import Secret, replace_known

HASH_HEX = 8
# Any one name in a path.
ANY = "*"
# JSON in a string in JSON in a string …
MAX_STRINGS_IN_STRINGS = 4
BY_PATH = "at a path of the profile"
OWN = "token of this program"
_LITERALS = ("true", "false", "null", '""')
# A member with one of these names names the value beside it, as in lists of headers.
_NAMES_A_VALUE = ("name", "key", "header", "field", "label")
_VALUE_OF_A_NAME = ("value", "val", "content", "text", "default")
_REDACTED = re.compile(rf"\[redacted [0-9a-f]{{{HASH_HEX}}}\]")
_PLAIN_NAME = re.compile(r"[\w. -]{1,60}")
_NOT_IN_A_REASON = re.compile(r"[^a-z]")


class Finding(NamedTuple):
    """One kind of replaced values: the reason, and the path of the member, without the indexes of lists."""

    reason: str
    path: str


class Redactor:
    """Replaces secrets, and counts what it replaced in `findings`.

    Args:
        key: the key of the hashes, unknown to readers.
        paths: dotted paths in the payload of an event, or in a checkpoint, such as `input.customer`; `*` is any one
            name, and all below a path is replaced. Lists need no index.
    """

    def __init__(self, key: Secret, paths: Sequence[str] = ()) -> None:
        self._key = envelope.encode(key.reveal())
        self._paths = [tuple(path.split(".")) for path in paths]
        self.findings: Counter[Finding] = Counter()

    def event(self, event: Event) -> Event:
        """Return an event without secrets; the same one if it has none."""
        text = envelope.decode(event.raw)
        if not self._may_change(text):
            return event
        # The name of a variable says what its value is.
        named = {"result_binding_value": event.fields.result_binding or ""}
        redacted = _Scan(self, ("payload",), named).replace(text)
        return event if redacted == text else decode_event(envelope.encode(redacted))

    def checkpoint(self, row: Checkpoint) -> Checkpoint:
        """Return a checkpoint without secrets; the same one if it has none."""
        text = write(row.raw)
        redacted = _Scan(self, (), {}).replace(text)
        return row if redacted == text else read_checkpoint(envelope.encode(redacted))

    def flow(self, view: FlowView) -> FlowView | None:
        """Return a run in its flow without secrets in labels and conditions; None if names of nodes have some."""
        graph = view.graph
        if any(self.text(node.id) != node.id for node in graph.nodes):
            return None
        nodes = tuple(replace(node, label=self.text(node.label, "flow.label")) for node in graph.nodes)
        edges = tuple(
            edge if edge.condition is None else replace(edge, condition=self.text(edge.condition, "flow.condition"))
            for edge in graph.edges
        )
        return replace(view, graph=replace(graph, name=self.text(graph.name), nodes=nodes, edges=edges))

    def text(self, text: str, path: str = "") -> str:
        """Return a text without what has the form of a secret, and without the secrets that this process uses."""
        text = replace_known(text, lambda secret: self.replacement(secret, Finding(OWN, path)))
        if not may_have_secret(text):
            return text
        for name, pattern in SECRET_SHAPES:
            finding = Finding(name, path)
            text = pattern.sub(lambda found, finding=finding: self._after(found, finding), text)  # type: ignore[misc]
        return text

    def replacement(self, secret: str, finding: Finding) -> str:
        """Return what stands for a secret, and count it."""
        self.findings[finding] += 1
        digest = hmac.new(self._key, secret.encode("utf-8", "surrogatepass"), "sha256").hexdigest()
        return f"[redacted {digest[:HASH_HEX]}]"

    def is_named(self, path: Sequence[str]) -> bool:
        """Return True if the profile names this path, or one above it."""
        return any(_begins_with(path, named) for named in self._paths)

    def summary(self) -> Sequence[Redacted]:
        """Return what was replaced, by the reason, the most frequent first."""
        counts: Counter[str] = Counter()
        for finding, count in self.findings.items():
            counts[finding.reason] += count
        return [Redacted(reason, count) for reason, count in counts.most_common()]

    def _may_change(self, source: str) -> bool:
        """Return False if JSON text has no secret for certain: most events have none."""
        # Escapes may hide the words.
        is_plain = not self._paths and "\\u00" not in source and not may_have_secret(source)
        return not is_plain or replace_known(source, lambda _: "") != source

    def _after(self, found: re.Match[str], finding: Finding) -> str:
        kept = found["kept"]
        return kept + self.replacement(found[0][len(kept) :], finding)


class _Scan(JsonScan):
    """Replaces the secrets in one JSON text.

    Args:
        base: the path of what the paths of the profile are in.
        named: members at `base` whose values have another name there.
    """

    def __init__(self, redactor: Redactor, base: Sequence[str], named: dict[str, str], depth: int = 0) -> None:
        super().__init__()
        self._redactor = redactor
        self._base = tuple(base)
        self._named = named
        self._depth = depth

    def reason(self, member: Member, path: Sequence[str]) -> str:
        """Return why all of a value is secret; empty if it is not."""
        inside = tuple(path[len(self._base) :]) if tuple(path[: len(self._base)]) == self._base else ()
        if inside and self._redactor.is_named(inside):
            return BY_PATH
        name = member.name or ""
        alias = self._named.get(name, "") if len(inside) == 1 else ""
        is_named = member.name is None or name.lower() in _VALUE_OF_A_NAME
        named_by = member.named_by if is_named else ""
        found = SECRET_KEY.search(name) or SECRET_KEY.search(alias) or SECRET_KEY.search(named_by)
        return "" if found is None else f"named {_NOT_IN_A_REASON.sub('_', found[0].lower())}"

    def names_value(self, member: Member, text: str) -> bool:
        """Return True if a text is the name of the value beside it."""
        is_name = member.name is None or member.name.lower() in _NAMES_A_VALUE
        return is_name and _PLAIN_NAME.fullmatch(text) is not None and SECRET_KEY.search(text) is not None

    def secret(self, source: str, text: str | None, reason: str, member: Member, path: Sequence[str]) -> str | None:
        """Return what stands for a value that is secret; None if it stays. `text` is None for what is no string."""
        is_count = text is None and COUNT_KEY.search(member.name or "") is not None
        is_done = text is not None and _REDACTED.fullmatch(text) is not None
        if is_done or source in _LITERALS or (is_count and reason != BY_PATH):
            return None
        return self._redactor.replacement(source if text is None else text, Finding(reason, ".".join(path)))

    def plain(self, text: str, path: Sequence[str]) -> str:
        """Return a string or a name without secrets in it. It may be JSON itself."""
        if self._depth < MAX_STRINGS_IN_STRINGS and text.lstrip()[:1] in ("{", "["):
            text = _Scan(self._redactor, path, {}, self._depth + 1).replace(text)
        return self._redactor.text(text, ".".join(path))


def _begins_with(path: Sequence[str], named: Sequence[str]) -> bool:
    pairs = zip(path, named, strict=False)
    return len(path) >= len(named) and all(part in (ANY, name) for name, part in pairs)
