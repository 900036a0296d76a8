"""Build HTML and SVG. The only way by which text gets into markup: all of it is made safe here, then escaped.

Names of elements and attributes come from our code. Attributes hold no foreign text at all; it stands between tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import TypeAlias

from msgspec import Struct

from scaicore_tui.text import sanitize

# Elements without an end tag: those of HTML that never have one, and shapes of SVG.
_EMPTY = frozenset({"meta", "br", "col", "rect", "line", "path", "circle"})
_XML_EMPTY = frozenset({"rect", "line", "path", "circle"})
# Text inside these is not escaped, so only our own may be there.
_UNESCAPED = frozenset({"style", "script"})


class Markup(Struct, frozen=True):
    """Finished markup. Only this module makes it, so that nothing in it is unescaped text."""

    source: str

    def __bool__(self) -> bool:
        return bool(self.source)


Child: TypeAlias = Markup | str
Attribute: TypeAlias = str | float | None
NOTHING = Markup("")


def element(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """Return an element. Text among its children is made safe and escaped.

    Attributes that are None are left out; `_` in their names stands for `-`, and one at the end for nothing, as in
    `class_`. Raises ValueError for text in elements whose content is not escaped: that is for `own_text` only.
    """
    if name in _UNESCAPED and any(not isinstance(child, Markup) for child in children):
        raise ValueError(f"text in {name} would not be escaped")
    begin = "".join((name, *_attributes(attributes)))
    if name in _EMPTY:
        return Markup(f"<{begin}/>" if name in _XML_EMPTY else f"<{begin}>")
    return Markup(f"<{begin}>{''.join(map(_source, children))}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """Return several children as one."""
    return Markup("".join(map(_source, children)))


def own_text(text: str) -> Markup:
    """Return a style sheet or base64 of ours for an element whose content is not escaped. Raises ValueError for `<`."""
    if "<" in text:
        raise ValueError("this text could end its element")
    return Markup(text)


def _attributes(attributes: dict[str, Attribute]) -> Iterator[str]:
    for name, value in attributes.items():
        if value is not None:
            text = value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
            yield f' {name.removesuffix("_").replace("_", "-")}="{escape(sanitize(text))}"'


def _source(child: Child) -> str:
    return child.source if isinstance(child, Markup) else escape(sanitize(child))
