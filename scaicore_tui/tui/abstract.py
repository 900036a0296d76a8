"""Support abstract screens and widgets: combines the metaclasses of Textual and `abc`."""

from __future__ import annotations

from abc import ABCMeta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.message_pump import _MessagePumpMeta as _TextualMeta
else:
    from textual.widget import Widget

    # The metaclass itself has a private name, which another release may change.
    _TextualMeta = type(Widget)


class AbstractMeta(ABCMeta, _TextualMeta):
    """Metaclass of widgets and screens with abstract methods: a subclass without one of them cannot be created."""
