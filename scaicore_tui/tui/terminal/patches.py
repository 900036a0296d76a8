"""Textual's updates, as strips and where they stand: each widget's part of a line, as far as it changed."""

from __future__ import annotations

from collections.abc import Iterator

from textual._compositor import ChopsUpdate, LayoutUpdate

from scaicore_tui.tui.terminal.memory import Patch


def patches(update: LayoutUpdate | ChopsUpdate) -> Iterator[Patch]:
    """The strips of an update."""
    return _whole(update) if isinstance(update, LayoutUpdate) else _parts(update)


def _whole(update: LayoutUpdate) -> Iterator[Patch]:
    for y, line in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in line:
            yield x, y, strip
            x += strip.cell_length


def _parts(update: ChopsUpdate) -> Iterator[Patch]:
    for y, begin, end in update.spans:
        for stop, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x < end and stop > begin:
                yield x, y, strip if stop <= end else strip.crop(0, end - x)
