"""The least that has to be written to a terminal: what it shows is remembered, and only what differs is sent."""

from scaicore_tui.tui.terminal.app import SparingApp

__all__ = ["SparingApp"]
