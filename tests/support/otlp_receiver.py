"""A receiver of OTLP over HTTP on loopback: it decodes strictly, keeps all spans, and can fail in every way."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.otlp_messages import decode_protobuf


@dataclass
class Receiver:
    """What was received. While `status` is not 200, nothing is accepted."""

    url: str = ""
    status: int = 200
    answer: bytes = b""
    content_type: str = "application/x-protobuf"
    messages: list[Any] = field(default_factory=list)
    requests: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    def spans(self) -> list[Any]:
        """Return all accepted spans."""
        assert self.problems == []
        return [
            span for each in self.messages for one in each.resource_spans for s in one.scope_spans for span in s.spans
        ]


@contextmanager
def receiving(**settings: Any) -> Iterator[Receiver]:
    """Run a receiver in a thread."""
    receiver = Receiver(**settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append({name.lower(): value for name, value in self.headers.items()})
            receiver.paths.append(self.path)
            if receiver.status == 200:
                try:
                    packed = self.headers.get("Content-Encoding") == "gzip"
                    receiver.messages.append(decode_protobuf(gzip.decompress(body) if packed else body))
                except Exception as error:  # noqa: BLE001  (reported by the test)
                    receiver.problems.append(repr(error))
            self.send_response(receiver.status)
            self.send_header("Content-Type", receiver.content_type)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)
            receiver.arrived.set()

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
