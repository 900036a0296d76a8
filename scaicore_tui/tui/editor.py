"""Edits a text in the user's own editor, through a private temporary file."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from textual.app import App, SuspendNotSupported

from scaicore_tui.errors import ConfigError, ScaicoreError
from scaicore_tui.signals import signal_handlers
from scaicore_tui.text import sanitize
from scaicore_tui.tui.bridge import start_worker
from scaicore_tui.tui.messages import EditorFailed, EditText, TextEdited

TEXT_KEPT = "the text is unchanged"
# The signals that keys send, as far as the system has them.
KEYBOARD_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGQUIT") if hasattr(signal, name)]
# Time for an editor to exit when the app exits.
EDITOR_EXIT_GRACE_S = 1


class Editor:
    """Suspends the app and gives the terminal to the user's editor. The session continues meanwhile."""

    def __init__(self, app: App[int]) -> None:
        self._app = app
        self._is_open = False

    def open(self, request: EditText) -> None:
        """Edit a text and post the result to the active screen. Does nothing while an editor is open."""
        if not self._is_open:
            self._is_open = True
            start_worker(self._app, partial(self._edit, request.text), "editor")

    async def _edit(self, text: str) -> None:
        try:
            edited = await self._edit_suspended(text)
        except ScaicoreError as error:
            self._app.screen.post_message(EditorFailed(sanitize(str(error))))
        except SuspendNotSupported:
            self._app.screen.post_message(EditorFailed(f"cannot open an editor in this terminal · {TEXT_KEPT}"))
        else:
            self._app.screen.post_message(TextEdited(edited))
        finally:
            self._is_open = False

    async def _edit_suspended(self, text: str) -> str:
        command = editor_command(os.environ)
        # `batch_update` keeps the app from painting over the editor. An exception raised inside `suspend` would keep
        # the app from resuming, so it is raised afterwards.
        failure: ScaicoreError | None = None
        with self._app.suspend(), self._app.batch_update():
            try:
                text = await edit_text(text, command)
            except ScaicoreError as error:
                failure = error
        if failure is not None:
            raise failure
        return text


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """Return the command in `VISUAL`, or else `EDITOR`. Raises ConfigError if there is none, or no valid one."""
    value = environment.get("VISUAL", "").strip() or environment.get("EDITOR", "").strip()
    if not value:
        raise ConfigError("no editor is set", effect=TEXT_KEPT, hint="set VISUAL or EDITOR")
    try:
        return shlex.split(value, posix=os.name != "nt")
    except ValueError as error:
        raise ConfigError(f"cannot parse the editor command {value!r}: {error}", effect=TEXT_KEPT) from error


async def edit_text(text: str, command: Sequence[str]) -> str:
    """Return `text` as it was saved in the editor. Raises ScaicoreError if that fails."""
    # Ctrl+C reaches every program on the terminal and is meant for the editor. The editor does not inherit a handler.
    with _temporary_file(text) as path, signal_handlers(KEYBOARD_SIGNALS, lambda *_: None):
        try:
            process = await asyncio.create_subprocess_exec(*command, str(path))
        except OSError as error:
            message = f"cannot run the editor {command[0]!r}: {error.strerror}"
            raise ConfigError(message, effect=TEXT_KEPT) from error
        try:
            code = await process.wait()
        finally:
            await _terminate(process)
        if code:
            raise ScaicoreError(f"the editor {command[0]!r} exited with code {code}", effect=TEXT_KEPT)
        return _read_saved(path)


async def _terminate(process: asyncio.subprocess.Process) -> None:
    """End an editor that still runs; it gets a moment to restore the terminal before it is killed."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(EDITOR_EXIT_GRACE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


@contextmanager
def _temporary_file(text: str) -> Iterator[Path]:
    """Create a file that only its owner can read, in a folder that is removed with everything an editor adds to it."""
    try:
        with tempfile.TemporaryDirectory(prefix="scaicore-tui-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "input.json"
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8", newline="\n")
            yield path
    except OSError as error:
        message = f"cannot write the temporary file for the editor: {error.strerror}"
        raise ScaicoreError(message, effect=TEXT_KEPT) from error


def _read_saved(path: Path) -> str:
    """Return the saved text. Bytes that are not UTF-8 appear as `\\xNN`, which JSON rejects."""
    try:
        return path.read_bytes().decode("utf-8-sig", "backslashreplace")
    except OSError as error:
        raise ScaicoreError(f"cannot read the edited file: {error.strerror}", effect=TEXT_KEPT) from error
