"""The part of the app that writes files: runs in any format, and pictures of the screen."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from scaicore_tui.errors import StorageError
from scaicore_tui.text import one_line
from scaicore_tui.tui.bridge import Bridge, start_worker
from scaicore_tui.tui.file_messages import FileWritten, WriteFile, WriteScreen
from scaicore_tui.tui.key_queue import KeyQueueApp

if TYPE_CHECKING:
    from scaicore_tui.session.export_file import WrittenFile


@runtime_checkable
class FileListener(Protocol):
    """A screen that waits for a file to be written, or shows that one was."""

    def show_written(self, written: WrittenFile) -> None:
        """Show the result."""


def file_notice(written: WrittenFile) -> tuple[str, str]:
    """Return the notice of a file, and its colour."""
    path = one_line(str(written.path))
    if written.exists:
        return f"not written: {path} exists", "amber"
    if written.problem:
        return f"not written: {one_line(written.problem)}", "amber"
    count = sum(one.count for one in written.redacted)
    secrets = f" · {count:,} secret{'s' if count > 1 else ''} replaced" if count else ""
    return f"written: {path} · {written.size:,} bytes{secrets}", "text"


class FileRequests(KeyQueueApp[int]):
    """Passes on requests to write files, and their results."""

    # Of the session that is open; None without one.
    _bridge: Bridge | None = None

    def on_write_file(self, message: WriteFile) -> None:
        """Write runs to a file."""
        if self._bridge is not None:
            self._bridge.write_file(message.request)

    def on_write_screen(self, message: WriteScreen) -> None:
        """Write a picture of the screen, once the dialog has left it."""
        self.call_after_refresh(self._write_screen, message)

    def on_file_written(self, message: FileWritten) -> None:
        """Give the result to the dialog; if that is closed or the file is written, show a notice."""
        written = message.written
        if isinstance(self.screen, FileListener):
            self.screen.show_written(written)
            if written.exists or written.problem:
                return
        self._show_notice(*file_notice(written))

    def _show_notice(self, text: str, colour: str = "text") -> None:
        """Show a notice on the screen of the session."""

    def _write_screen(self, message: WriteScreen) -> None:
        from scaicore_tui.export.report.svg_document import standalone_screenshot

        drawn = self.export_screenshot(title="scaicore-tui")
        picture = standalone_screenshot(drawn, "scaicore-tui", "A picture of the screen.")
        start_worker(self, partial(self._save_picture, picture, message), "file")

    async def _save_picture(self, picture: str, message: WriteScreen) -> None:
        from scaicore_tui.session.export_file import WrittenFile
        from scaicore_tui.session.exports import write_file

        path = message.path
        if not message.replaces and await asyncio.to_thread(path.exists):
            written = WrittenFile(path, exists=True)
        else:
            try:
                written = WrittenFile(path, await asyncio.to_thread(write_file, path, [picture]))
            except StorageError as error:
                written = WrittenFile(path, problem=str(error))
        self.post_message(FileWritten(written))
