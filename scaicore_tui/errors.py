"""What can go wrong, for callers and for people.

Each error says what failed (the message), what was kept, and what to press or type next; each leaf knows the exit
code of the command line.

ScaicoreError
├── UsageError            2   what was asked for makes no sense
│   └── ConfigError           … because of a setting
├── CannotReach           3   no answer: refused, broken, not ours
├── CredentialsError      4   nobody is signed in
│   └── PermissionDenied      somebody is, and may not
├── NotFound              5
├── Conflict              6   somebody was faster
├── OutcomeUnknown        7   it was sent, and its answer was lost
├── TimedOut              8
├── StorageError          9   a file or the output can't be read or written: disk full, read-only, damaged
└── Refused               3   any other answer that is a no (422, 429, 5xx)
"""

from __future__ import annotations

from scaicore_tui.secrets import redact


class ScaicoreError(Exception):
    """Base of all errors that a person may see.

    `request_id` is the server's name for the failed request, where it gave one: it finds the server's log line. Whoever
    chose the words, a server that repeats the token that it does not take, say: they tell no secret. `is_unsent` says
    of a failed write that it never left this machine.
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
        self.message, self.effect, self.hint = (redact(words) for words in (message, effect, hint))
        super().__init__(self.message)
        self.request_id = request_id
        self.status = status
        self.retry_after = retry_after

    def __str__(self) -> str:
        reference = f" ({self.request_id})" if self.request_id else ""
        parts = [f"{self.message}{reference}", self.effect, self.hint]
        return " · ".join(part for part in parts if part)


class UsageError(ScaicoreError):
    """What was asked for makes no sense."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting is missing, unknown or malformed."""


class Unreachable(ScaicoreError):
    """No usable answer: connection refused or broken, or something that is not this API answered."""

    exit_code = 3


class RequestRejected(ScaicoreError):
    """The server answered no, for a reason without a class of its own."""

    exit_code = 3


class CredentialsError(ScaicoreError):
    """No credential, or one that the server does not take."""

    exit_code = 4


class PermissionDenied(CredentialsError):
    """The credential is good, and may not do this."""


class NotFound(ScaicoreError):
    """The run, checkpoint or Core does not exist, or is not visible with this credential."""

    exit_code = 5


class Conflict(ScaicoreError):
    """The checkpoint was answered already, expired, or changed meanwhile."""

    exit_code = 6


class OutcomeUnknown(ScaicoreError):
    """A write was sent and its answer was lost: it may or may not have happened, so it is never repeated by itself."""

    exit_code = 7


class TimedOut(ScaicoreError):
    """Something that was waited for did not come in time."""

    exit_code = 8


class StorageError(ScaicoreError):
    """A file can't be read or written: the disk is full or read-only, the file is damaged or belongs to another user.

    The message names the file and the cause; `kept` says what is safe; `hint` says what to do.
    """

    exit_code = 9
