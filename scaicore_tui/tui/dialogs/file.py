"""The dialog that writes runs to a file: it asks for the format, the name and whether secrets are replaced."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from scaicore_tui.export.formats import FORMATS, Format
from scaicore_tui.runs import Run
from scaicore_tui.session.export_file import FileRequest
from scaicore_tui.text import display_name, one_line
from scaicore_tui.tui.dialogs.status_dialog import StatusDialog
from scaicore_tui.tui.file_messages import WriteFile, WriteScreen
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import actions_in, bindings
from scaicore_tui.tui.messages import InvokeKeyAction
from scaicore_tui.tui.render.line import Line, column
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import ActionHint, Footer, Heading
from scaicore_tui.tui.widgets.inputs import SafeInput
from scaicore_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from scaicore_tui.session.export_file import WrittenFile

NUMBER_CELLS, NAME_CELLS = 3, 10
MAX_NAME_CHARS = 80
SCREEN_TITLE = "a picture of the screen below this dialog"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_FORMATS = list(Format)


def is_picture(one: Format) -> bool:
    """Return True for the format that shows the screen: in the app there is one to show."""
    return one is Format.SVG


def _stem(execution_ids: Sequence[str], current: Run | None) -> str:
    """Return the usual name of the file without its ending: with the Core, if only the current run is written."""
    name = execution_ids[0] if len(execution_ids) == 1 else f"{len(execution_ids)}-runs-{execution_ids[0]}"
    if current is not None and current.core_id and [*execution_ids] == [current.execution_id]:
        name = f"{current.core_id.removeprefix('core_')}-{name}"
    return _NOT_IN_A_NAME.sub("_", name)[:MAX_NAME_CHARS].strip("._-") or "run"


class FormatList(RowList):
    """One row per format."""

    DEFAULT_CSS = """
    FormatList { height: auto; margin: 1 0; }
    """

    @property
    def row_count(self) -> int:
        return len(_FORMATS)

    @property
    def selected(self) -> Format:
        """The format under the cursor."""
        return _FORMATS[self.cursor]

    def draw_row(self, row: int) -> Line:
        one = _FORMATS[row]
        title = SCREEN_TITLE if is_picture(one) else FORMATS[one].title
        return [column(f"{row + 1}", NUMBER_CELLS, "accent"), column(one, NAME_CELLS, "text strong"), (title, "grey")]

    def cursor_moved(self, *, by_user: bool) -> None:
        self.post_message(InvokeKeyAction("format_chosen"))

    def row_opened(self) -> None:
        self.post_message(InvokeKeyAction("save"))


class FileScreen(StatusDialog):
    """Writes runs to a file, and says where it is. An existing file is replaced by another press of Enter only."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings({KeyContext.FILE}),
        Binding("1", "choose(1)", show=False),
        Binding("2", "choose(2)", show=False),
        Binding("3", "choose(3)", show=False),
        Binding("4", "choose(4)", show=False),
        Binding("5", "choose(5)", show=False),
        Binding("6", "choose(6)", show=False),
        Binding("7", "choose(7)", show=False),
        Binding("8", "choose(8)", show=False),
        Binding("9", "choose(9)", show=False),
    ]
    DEFAULT_CSS = """
    FileScreen SafeInput { margin: 1 1; }
    """

    def __init__(self, state: AppState, execution_ids: Sequence[str], current: Run | None) -> None:
        super().__init__(state)
        self._ids = tuple(execution_ids)
        self._heading, self._hint, self._footer = Heading(), ActionHint(), Footer()
        self._list = FormatList()
        self._list.has_keys = True
        self._folder = Path.cwd()
        self._stem = _stem(execution_ids, current)
        self._field = SafeInput(self._usual_name(), id="name")
        # A person's choice; None for what is usual with the format.
        self._redacts: bool | None = None
        self._to_replace: Path | None = None
        self._is_writing = False

    @property
    def key_context(self) -> KeyContext:
        """The dialog's own key context."""
        return KeyContext.FILE

    def compose_panel(self) -> ComposeResult:
        yield self._heading
        yield self._list
        yield self._field
        yield self._hint
        yield self._footer

    def on_mount(self) -> None:
        """Show the runs, and what the keys do."""
        super().on_mount()
        what = display_name(self._ids[0]) if len(self._ids) == 1 else f"{len(self._ids):,} marked runs"
        self._heading.show([(f"Write {what} to a file", "text strong")], active=True)
        self._footer.show(actions_in(KeyContext.FILE))
        self._explain()

    @property
    def _is_redacted(self) -> bool:
        usual = FORMATS[self._list.selected].is_redacted
        return usual if self._redacts is None else self._redacts

    @property
    def _path(self) -> Path:
        return (self._folder / Path(self._field.value.strip()).expanduser()).absolute()

    def _usual_name(self) -> str:
        return f"{self._stem}.{FORMATS[self._list.selected].ending}"

    def _explain(self) -> None:
        """Say what Enter would do."""
        picture = is_picture(self._list.selected)
        secrets = "" if picture else f" · {'secrets are replaced' if self._is_redacted else 'secrets stay in it'}"
        self._hint.show(("enter writes ", "grey"), (one_line(str(self._path)), "text"), (secrets, "grey"))

    async def on_invoke_key_action(self, request: InvokeKeyAction) -> None:
        """Run the action whose key was clicked."""
        await self.run_action(request.action_id)

    def action_format_chosen(self) -> None:
        with self.prevent(Input.Changed):
            self._field.value = self._usual_name()
        self._to_replace = None
        self._explain()

    def action_choose(self, number: int) -> None:
        if number <= self._list.row_count:
            self._list.set_cursor(number - 1)

    def action_redact(self) -> None:
        self._redacts = not self._is_redacted
        self._explain()

    def action_next_field(self) -> None:
        self.set_focus(None if self._field.has_focus else self._field)
        self._list.set_active(active=not self._field.has_focus)

    def action_back(self) -> None:
        if self._field.has_focus:
            self.action_next_field()
        else:
            self.dismiss(None)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Forget which file was to be replaced: the name is another one now."""
        event.stop()
        self._to_replace = None
        self._explain()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_save()

    def action_save(self) -> None:
        if self._is_writing:
            return
        if not self._field.value.strip():
            self._hint.show(("type a name first", "amber"))
            return
        path, one = self._path, self._list.selected
        replaces = path == self._to_replace
        if is_picture(one):
            self.dismiss(None)
            self.app.post_message(WriteScreen(path, replaces))
            return
        self._is_writing = True
        self._hint.show(("writing…", "grey"))
        self.app.post_message(WriteFile(FileRequest(self._ids, one, path, self._is_redacted, replaces)))

    def show_written(self, written: WrittenFile) -> None:
        """Close, or say why the file was not written."""
        self._is_writing = False
        if written.exists:
            self._to_replace = written.path
            name = one_line(str(written.path))
            self._hint.show((f"{name} exists: enter replaces it, another name keeps it", "amber"))
        elif written.problem:
            self._hint.show((f"not written: {one_line(written.problem)}", "amber"))
        else:
            self.dismiss(None)

    def action_cursor_down(self) -> None:
        self._list.move(1)

    def action_cursor_up(self) -> None:
        self._list.move(-1)

    def action_page_down(self) -> None:
        self._list.page(1)

    def action_page_up(self) -> None:
        self._list.page(-1)

    def action_first(self) -> None:
        self._list.jump(to_end=False)

    def action_last(self) -> None:
        self._list.jump(to_end=True)
