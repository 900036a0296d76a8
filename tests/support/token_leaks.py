"""Search everything that the tests write for tokens.

Every token in a test contains a mark. No output of a program, screen, captured log or file in a home folder may hold
it. The one exception: a demo without the app prints its own tokens, see `READY`.
"""

from __future__ import annotations

import io
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

MARK = "m4rk-of-a-token"
# The beginning of every token of a demo, and of the tests' tokens that look like ScaiKey's.
TOKEN_HEAD = "eyJhbGciOiAiUlMyNTYi"
# Files of this name hold tokens on purpose and are not searched.
TOKEN_FILE = "token"
READY = '{"url": "http://127.0.0.1:'

_MARKS = (MARK.encode(), TOKEN_HEAD.encode())
_CONTEXT_BYTES = 60


class Leaks:
    """Numbers of checked outputs, files and bytes, and the places where a token was found."""

    def __init__(self) -> None:
        self.checked: Counter[str] = Counter()
        self.found: list[str] = []

    def check(self, where: str, written: str | bytes | None) -> None:
        """Search one output for tokens."""
        data = written.encode("utf-8", "surrogatepass") if isinstance(written, str) else bytes(written or b"")
        if data:
            self.checked += Counter({"outputs": 1, "bytes": len(data)})
            self._search(where, data)

    def check_folder(self, folder: Path) -> None:
        """Search the files in a folder, and their names."""
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.name != TOKEN_FILE:
                data = path.read_bytes()
                self.checked += Counter({"files": 1, "bytes": len(data)})
                self._search(str(path), str(path.relative_to(folder)).encode() + b"\n" + data)

    def merge(self, checked: dict[str, int], found: list[str]) -> None:
        """Add the results of another process."""
        self.checked += Counter(checked)
        self.found += found

    def _search(self, where: str, data: bytes) -> None:
        for mark in _MARKS:
            for match in re.finditer(re.escape(mark), data):
                self.found.append(f"{where}: …{data[max(0, match.start() - _CONTEXT_BYTES) : match.end()]!r}")


# The results of this process.
LEAKS = Leaks()


class CheckedProcess(subprocess.Popen[str]):
    """A process with pipes; all its output is searched for tokens."""

    def __init__(self, command: list[str], **settings: Any) -> None:
        super().__init__(command, encoding="utf-8", **settings)
        self.where = " ".join(command[3:])
        if self.stdout is not None and self.stderr is not None:
            self.stdout, self.stderr = (_CheckedStream(stream, self.where) for stream in (self.stdout, self.stderr))

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:  # noqa: A002
        """Return the remaining output."""
        outputs = super().communicate(input, timeout)
        for text in outputs:
            LEAKS.check(self.where, text)
        return outputs


class _CheckedStream(io.TextIOWrapper):
    """An output stream searched line by line, except for the line in which a demo prints its tokens."""

    def __init__(self, stream: Any, where: str) -> None:
        super().__init__(stream.detach(), encoding="utf-8")
        self._where = where

    def readline(self, *size: Any) -> str:  # type: ignore[override]
        return self._check(super().readline(*size))

    def read(self, *size: Any) -> str:
        return self._check(super().read(*size))

    def _check(self, text: str) -> str:
        if not text.startswith(READY):
            LEAKS.check(self._where, text)
        return text
