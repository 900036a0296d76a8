"""Log records with fields, for `--log FILE`. Free unless that option is given.

Each module has its own `Log`. A record says what happened, in fixed words, with fields for ids, counts, times and kinds
of errors. It never has data of a flow, nor a text that a server sent: both may hold anything.

The client's warnings are not for standard error: unless a log file is written, nothing is logged at all.
"""

from __future__ import annotations

import logging
import re

from scaicore_tui.errors import ScaicoreError, StorageError, Unreachable

# The parent of all loggers of the program.
ROOT_LOGGER = "scaicore_tui"
Field = str | int | float | bool | None | list[str] | dict[str, str]
# Libraries quote what they received.
_QUOTED = re.compile(r"(?<!\w)(?:bytearray\(b|b)?['\"“‘`].*['\"”’`]", re.DOTALL)


class LogMessage:
    """The message of a record, with its fields. As text it has both, in ASCII: an id may be any text."""

    __slots__ = ("fields", "text")

    def __init__(self, text: str, fields: dict[str, Field]) -> None:
        self.text = text
        self.fields = fields

    def __str__(self) -> str:
        return " ".join([self.text, *(f"{name}={value!a}" for name, value in self.fields.items())])


class Log:
    """The log of one module, `name`. Fields that are None are left out."""

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    @property
    def is_on(self) -> bool:
        """True if records are written. Check it before computing a field that costs time."""
        return self._logger.isEnabledFor(logging.INFO)

    def info(self, text: str, /, **fields: Field) -> None:
        """Record a step of normal work."""
        if self._logger.isEnabledFor(logging.INFO):
            self._write(logging.INFO, text, fields)

    def warning(self, text: str, /, **fields: Field) -> None:
        """Record a failure that the program handles, such as a failed poll."""
        if self._logger.isEnabledFor(logging.INFO):
            self._write(logging.WARNING, text, fields)

    def error(self, text: str, /, **fields: Field) -> None:
        """Record a failure that ends a command, or an internal error."""
        if self._logger.isEnabledFor(logging.INFO):
            self._write(logging.ERROR, text, fields)

    def _write(self, level: int, text: str, fields: dict[str, Field]) -> None:
        given: dict[str, Field] = {name: value for name, value in fields.items() if value is not None}
        self._logger.log(level, LogMessage(text, given))


def error_fields(error: BaseException) -> dict[str, Field]:
    """Return the fields that describe an error: its type, and what of its message cannot be data or a token.

    That is the HTTP status and the request id; the reason only of failures of the network or the disk.
    """
    fields: dict[str, Field] = {"error": type(error).__name__}
    if isinstance(error, ScaicoreError):
        fields |= {"status": error.status, "request_id": error.request_id, "retry_after": error.retry_after}
        if isinstance(error, Unreachable | StorageError) and error.status is None:
            fields["reason"] = without_quotes(error.message)
    elif isinstance(error, OSError):
        fields["reason"] = error.strerror
    return fields


def without_quotes(text: str) -> str:
    """Return a message without what it quotes, from the first quotation mark to the last: that may be data."""
    return _QUOTED.sub("…", text)
