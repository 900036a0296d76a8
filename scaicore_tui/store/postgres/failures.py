"""The errors of a server, with their causes and what to do."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from scaicore_tui.errors import CredentialsError, PermissionDenied, ScaicoreError, StorageError

UNCHANGED = "what is stored is unchanged"
# By SQLSTATE, the first that begins a code: what happened, and what to do.
_TEXTS: Mapping[str, tuple[str, str]] = {
    "53100": ("the server's disk is full", "free some disk space on the server"),
    "53300": ("the server has no connection left", "raise max_connections, or close other programs"),
    "53": ("the server has too little memory or disk space", "see the server's log"),
    "54": ("a value is too long for the server's indexes", "keep this feed in a file: --journal FILE"),
    "25P03": ("the server ended a transaction that took too long", "this is tried again"),
    "25006": ("the server only permits reading", "name the primary server, not a stand-by"),
    "42501": ("the role may not do this", "the owner of the database grants it: GRANT … TO the role"),
    "3D000": ("the database does not exist", "create it: createdb NAME"),
    "3F000": (
        "the schema of the journal is missing, or the role may not use it",
        "GRANT USAGE ON SCHEMA … TO the role",
    ),
    "42P01": ("the tables of the journal are missing", "start `record` once, or restore a back-up"),
    "XX001": ("the server reports damaged data", "restore a back-up"),
    "XX002": ("the server reports a damaged index", "REINDEX may repair it"),
    "57014": ("the statement was cancelled", "try again, or raise statement_timeout of the role"),
    "57P03": ("the server is starting or shutting down", "this is tried again"),
    "55P03": ("another connection to the server holds a lock", "this is tried again"),
    "57P": ("the server ended the connection", "this is tried again"),
    "40": ("the server rolled the transaction back", "this is tried again"),
    "08": ("the connection was lost", "this is tried again"),
}
# Classes of errors that may be over when the statement is tried again.
_TEMPORARY = ("08", "25P03", "40", "53", "55P03", "57")
_CERTIFICATE_HINT = "sslrootcert names the file of the authority that the server's certificate is from"
_LOST = ("the connection was lost", "this is tried again")


class ServerFailure(StorageError):
    """The server can't be reached or used now: what failed may work later."""

    is_temporary = True


def server_failure(error: Exception, label: str) -> StorageError | None:
    """Return the error for a failed statement; None if the statement is wrong."""
    state = getattr(error, "sqlstate", None)
    if state is None:
        return _failure(_LOST, label, is_temporary=True) if isinstance(error, psycopg.OperationalError) else None
    found = next((text for code, text in _TEXTS.items() if state.startswith(code)), None)
    return None if found is None else _failure(found, label, is_temporary=state.startswith(_TEMPORARY))


def _failure(found: tuple[str, str], label: str, *, is_temporary: bool) -> StorageError:
    what, hint = found
    kind = ServerFailure if is_temporary else StorageError
    return kind(f"can't use the journal at {label}: {what}", effect=UNCHANGED, hint=hint)


def connect_failure(error: psycopg.Error, label: str) -> ScaicoreError:
    """Return the error for a connection that could not be made."""
    connection = error.pgconn
    effect = "nothing was read or changed"
    if connection is not None and (connection.needs_password or connection.used_password):
        refusal = "asks for a password" if connection.needs_password else "does not accept the password"
        hint = "put it into ~/.pgpass, readable only by you, or set PGPASSWORD"
        return CredentialsError(f"the server of {label} {refusal}", effect=effect, hint=hint)
    if error.sqlstate is not None and error.sqlstate.startswith("28"):
        return PermissionDenied(f"the server of {label} refuses the user", effect=effect, hint="see its pg_hba.conf")
    known = server_failure(error, label) if error.sqlstate else None
    if known is not None:
        return known
    # The first line is about the last address that was tried; others ask what the hint asks, too.
    text = str(error).strip().partition("\n")[0].rpartition("failed: ")[2].removeprefix("FATAL: ").strip()
    return ServerFailure(
        f"can't connect to {label}: {text or 'no answer'}",
        effect=effect,
        hint=_CERTIFICATE_HINT if "certificate" in text else "is the server running, and the address right?",
    )


def damaged(label: str) -> StorageError:
    """Return the error for content that can't be decoded."""
    return StorageError(f"the journal at {label} is damaged", effect=UNCHANGED, hint="restore a back-up of the server")


def too_new(label: str) -> StorageError:
    """Return the error for the tables of a newer version."""
    return StorageError(
        f"the journal at {label} was written by a newer scaicore-tui", effect=UNCHANGED, hint="upgrade this one"
    )


def not_ready(label: str) -> StorageError:
    """Return the error for the tables of an older version."""
    return StorageError(
        f"the journal at {label} was written by an older scaicore-tui",
        effect=UNCHANGED,
        hint="start `record` of this version once: it migrates the tables",
    )
