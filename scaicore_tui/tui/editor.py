"""The person's own editor: a text goes there in a file of theirs alone, and comes back; the file is removed."""

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

TEXT_KEPT = "the text is as it was"
# What keys send, on a system that has them.
KEYBOARD_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGQUIT") if hasattr(signal, name)]
# So many seconds an editor has to end in, where the app has to.
EDITOR_EXIT_GRACE_S = 1


class Editor:
    """Leaves the terminal to the editor of whoever uses the app. The session goes on meanwhile."""

    def __init__(self, app: App[int]) -> None:
        self._app = app
        self._is_open = False

    def open(self, request: EditText) -> None:
        """Edit a text; the screen in front gets what came of it. Keys typed ahead open no second editor."""
        if not self._is_open:
            self._is_open = True
            start_worker(self._app, partial(self._edit, request.text), "editor")

    async def _edit(self, text: str) -> None:
        try:
            edited = await self._suspended(text)
        except ScaicoreError as error:
            self._app.screen.post_message(EditorFailed(sanitize(str(error))))
        except SuspendNotSupported:
            self._app.screen.post_message(EditorFailed(f"no editor can be opened in this terminal · {TEXT_KEPT}"))
        else:
            self._app.screen.post_message(TextEdited(edited))
        finally:
            self._is_open = False

    async def _suspended(self, text: str) -> str:
        command = editor_command(os.environ)
        # Nothing of the app may be painted while the terminal is the editor's; and what is raised in there would keep
        # the app from coming back.
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
    """What to run: `VISUAL`, or else `EDITOR`. Raises ConfigError where there is neither, or none that can be read."""
    spelled = environment.get("VISUAL", "").strip() or environment.get("EDITOR", "").strip()
    if not spelled:
        raise ConfigError("no editor is set", effect=TEXT_KEPT, hint="set VISUAL or EDITOR")
    try:
        return shlex.split(spelled, posix=os.name != "nt")
    except ValueError as error:
        raise ConfigError(f"the editor {spelled!r} makes no sense: {error}", effect=TEXT_KEPT) from error


async def edit_text(text: str, command: Sequence[str]) -> str:
    """`text` as it was saved in the editor. Raises ScaicoreError where that fails."""
    # What is typed to interrupt is for the editor alone: it reaches every program on the terminal. A handler is not
    # inherited.
    with _own_file(text) as path, signal_handlers(KEYBOARD_SIGNALS, lambda *_: None):
        try:
            process = await asyncio.create_subprocess_exec(*command, str(path))
        except OSError as error:
            raise ConfigError(f"the editor {command[0]!r} can't be run: {error.strerror}", effect=TEXT_KEPT) from error
        try:
            code = await process.wait()
        finally:
            await _ended(process)
        if code:
            raise ScaicoreError(f"the editor {command[0]!r} ended with code {code}", effect=TEXT_KEPT)
        return _saved(path)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """An editor does not outlive the app: it gets a moment to leave the terminal as it was."""
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
def _own_file(text: str) -> Iterator[Path]:
    """A file for its owner alone; removed, with whatever an editor leaves beside it."""
    try:
        with tempfile.TemporaryDirectory(prefix="scaicore-tui-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "input.json"
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8", newline="\n")
            yield path
    except OSError as error:
        raise ScaicoreError(f"the file for the editor can't be written: {error.strerror}", effect=TEXT_KEPT) from error


def _saved(path: Path) -> str:
    """What the editor left. Bytes that are no UTF-8 stay visible, where JSON does not allow them."""
    try:
        return path.read_bytes().decode("utf-8-sig", "backslashreplace")
    except OSError as error:
        raise ScaicoreError(f"what the editor saved can't be read: {error.strerror}", effect=TEXT_KEPT) from error
