"""The terminal's clipboard, as the app writes to it."""

from __future__ import annotations

import base64

import pytest

from tests.support.app_stage import Stage

BEGIN, END = "\x1b]52;c;", "\x07"


class Copied(list[str]):
    """Records what is sent to the terminal's clipboard."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        monkeypatch.setattr(stage.app, "send_to_terminal", self._take)
        for name in ("TMUX", "STY", "TERM"):
            monkeypatch.delenv(name, raising=False)

    def _take(self, sequence: str) -> None:
        assert sequence.startswith(BEGIN)
        assert sequence.endswith(END)
        self.append(base64.b64decode(sequence.removeprefix(BEGIN).removesuffix(END)).decode())
