"""Checks that Textual has the private parts that the driver and the diff rendering use, and chooses the driver.

Textual may change these parts in any release. If one is missing, the app uses Textual's own driver (see `fallback`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import NamedTuple

import textual
from textual.driver import Driver

# Each class or module that has private parts, and the names that are used of it: by `app`, `screen_buffer`,
# `job_control`, `driver` and `input`, in this order.
_USED: Mapping[str, tuple[str, ...]] = {
    "textual.app:App": (
        *("_batch_count", "_close_messages_no_wait", "_closed", "_display", "_driver", "_exception", "_exit"),
        *("_fatal_error", "_handle_exception", "_running", "_sync_available", "post_display_hook"),
    ),
    "textual.screen:Screen": ("_compositor",),
    "textual._compositor:Compositor": ("render_full_update", "size"),
    "textual._compositor:ChopsUpdate": ("chop_ends", "chops", "spans"),
    "textual._compositor:LayoutUpdate": ("region", "strips"),
    "textual.driver:Driver": (
        *("_app", "_auto_restart", "_loop"),
        *("process_message", "resume_application_mode", "suspend_application_mode"),
    ),
    "textual.drivers.linux_driver:LinuxDriver": (
        *("_file", "_get_terminal_size", "_in_band_window_resize", "_run_input_thread", "_writer_thread"),
        *("attrs_before", "exit_event", "fileno", "run_input_thread"),
    ),
    "textual._ansi_sequences": ("ANSI_SEQUENCES_KEYS",),
    "textual._keyboard_protocol": ("FUNCTIONAL_KEYS",),
    "textual._xterm_parser": ("IS_ITERM",),
    "textual._xterm_parser:XTermParser": (
        *("_sequence_to_key_events", "mouse_pixels", "parse_mouse_code", "terminal_pixel_size", "terminal_size"),
    ),
    "textual.constants": ("DISABLE_KITTY_KEY", "SMOOTH_SCROLL"),
}


class DriverChoice(NamedTuple):
    """The driver that the app uses in a terminal of this system, and why."""

    is_own: bool
    textual_version: str
    # Why it is not our own driver; empty if it is.
    reason: str


def find_missing() -> str | None:
    """Return the first name that Textual lacks, such as "App._display"; None if it has all.

    Cheap: Textual has imported all of these modules before.
    """
    return next((missing for path, names in _USED.items() if (missing := _missing_of(path, names))), None)


def choose_driver(stock: type[Driver]) -> type[Driver]:
    """Return the driver to use instead of `stock`, Textual's choice for this system."""
    if _is_posix_terminal(stock) and find_missing() is None:
        from scaicore_tui.tui.terminal.driver import DiffDriver

        return DiffDriver
    from scaicore_tui.tui.terminal.fallback import filtered

    return filtered(stock)


def explain_choice() -> DriverChoice:
    """Return which driver the app uses, for people who ask."""
    version = textual.__version__
    if sys.platform == "win32":
        return DriverChoice(is_own=False, textual_version=version, reason="ours needs a POSIX terminal")
    missing = find_missing()
    if missing is None:
        return DriverChoice(is_own=True, textual_version=version, reason="")
    return DriverChoice(is_own=False, textual_version=version, reason=f"`{missing}` is missing in Textual {version}")


def _is_posix_terminal(stock: type[Driver]) -> bool:
    if sys.platform == "win32":
        return False
    from textual.drivers.linux_driver import LinuxDriver

    return stock is LinuxDriver


def _missing_of(path: str, names: Iterable[str]) -> str | None:
    """Return what is missing of a module, or of a class in it."""
    module_name, _, class_name = path.partition(":")
    try:
        owner: object = import_module(module_name)
    except ImportError:
        return module_name
    if class_name and not hasattr(owner, class_name):
        return f"{module_name}.{class_name}"
    owner = getattr(owner, class_name) if class_name else owner
    return next((f"{class_name or module_name}.{name}" for name in names if not _has(owner, name)), None)


def _has(owner: object, name: str) -> bool:
    """Return True if a module or class has the attribute, or if the instances of a class get it in `__init__`."""
    if hasattr(owner, name):
        return True
    bases = owner.__mro__ if isinstance(owner, type) else ()
    codes = (getattr(vars(base).get("__init__"), "__code__", None) for base in bases)
    return any(name in code.co_names for code in codes if code is not None)
