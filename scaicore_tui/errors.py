"""All errors that a person may see.

Each error has a message (what failed), an `effect` (what was or was not done) and a `hint` (what to do next). The class
sets the exit code of the command line:

ScaicoreError             1
├── UsageError            2   the command or its input is invalid
│   └── ConfigError           a setting is missing, unknown or malformed
├── Unreachable           3   no usable response
├── RequestRejected       3   any other error response (429, 5xx, …)
├── CredentialsError      4   no credential, or not accepted
│   └── PermissionDenied      the credential does not allow this
├── NotFound              5
├── Conflict              6   changed by somebody else in the meantime
├── OutcomeUnknown        7   sent, but the response was lost
├── TimedOut              8
└── StorageError          9   a file or the output cannot be read or written
"""

from __future__ import annotations

from scaicore_tui.secrets import redact


class ScaicoreError(Exception):
    """Base of all errors that a person may see.

    All texts are redacted: a server may repeat the token that it rejects.

    Attributes:
        request_id: the server's id of the failed request, for finding it in the server's log.
        status: the HTTP status.
        retry_after: seconds to wait before the next attempt.
        is_unsent: True for a write that never left this machine.
    """

    exit_code = 1
    is_unsent = False

    def __init__(
        self,
        message: str,
        *,
        effect: str = "",
        hint: str = "",
        request_id: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.message, self.effect, self.hint = (redact(text) for text in (message, effect, hint))
        super().__init__(self.message)
        self.request_id = request_id
        self.status = status
        self.retry_after = retry_after

    def __str__(self) -> str:
        reference = f" ({self.request_id})" if self.request_id else ""
        parts = [f"{self.message}{reference}", self.effect, self.hint]
        return " · ".join(part for part in parts if part)


class UsageError(ScaicoreError):
    """The command or its input is invalid."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting is missing, unknown or malformed."""


class Unreachable(ScaicoreError):
    """No usable response: the connection was refused or broke, or the response is not from this API."""

    exit_code = 3


class RequestRejected(ScaicoreError):
    """The server answered with an error that has no class of its own."""

    exit_code = 3


class CredentialsError(ScaicoreError):
    """There is no credential, or the server does not accept it."""

    exit_code = 4


class PermissionDenied(CredentialsError):
    """The credential is valid but does not allow this."""


class NotFound(ScaicoreError):
    """The run, checkpoint or Core does not exist, or is not visible with this credential."""

    exit_code = 5


class Conflict(ScaicoreError):
    """The checkpoint is already resolved, has expired or has changed."""

    exit_code = 6


class OutcomeUnknown(ScaicoreError):
    """A write was sent but its response was lost. It may have happened, so it is never repeated automatically."""

    exit_code = 7


class TimedOut(ScaicoreError):
    """A deadline passed before the expected event."""

    exit_code = 8


class StorageError(ScaicoreError):
    """A file cannot be read or written: disk full, read-only, damaged, or owned by another user.

    The message names the file and the cause, `effect` what is safe, `hint` what to do. `is_temporary`: it may work
    again by itself, as when a server is started again.
    """

    exit_code = 9
    is_temporary = False
