"""The look of HTML and SVG reports: colours for light and dark, and the style sheets made of them.

The colours are those of the app's own themes, readable on their backgrounds (WCAG AA).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LIGHT = {
    "ground": "#fbfbf9",
    "panel": "#ecedf0",
    "text": "#22272e",
    "grey": "#5b636d",
    "accent": "#6a3fd0",
    "blue": "#0a5bb0",
    "green": "#1b7338",
    "red": "#bf1f2b",
    "amber": "#855300",
    "line": "#c9ccd2",
}
DARK = {
    "ground": "#10141b",
    "panel": "#1b222d",
    "text": "#d5dae3",
    "grey": "#98a2b2",
    "accent": "#b79cff",
    "blue": "#6cb2ff",
    "green": "#5fc48b",
    "red": "#ff7f78",
    "amber": "#e6b450",
    "line": "#3a4453",
}
_VARIABLE = re.compile(r"var\(--(\w+)\)")

# The parts of pictures, in HTML and in files of their own. Text is filled by the class of its colour.
_PICTURES = """
svg{font:13px/1.4 ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}
text{fill:var(--text)}
.red{color:var(--red)}text.red,.bar.red{fill:var(--red)}
.amber{color:var(--amber)}text.amber,.bar.amber{fill:var(--amber)}
.green{color:var(--green)}text.green,.bar.green{fill:var(--green)}
.blue{color:var(--blue)}text.blue,.bar.blue{fill:var(--blue)}
.grey{color:var(--grey)}text.grey,.bar.grey{fill:var(--grey)}
.accent{color:var(--accent)}text.accent{fill:var(--accent)}
.wait{stroke:var(--amber);stroke-width:4;stroke-dasharray:0 7;stroke-linecap:round}
.wait.red{stroke:var(--red)}.wait.green{stroke:var(--green)}
.tick{stroke:var(--line)}
.idle{fill:var(--panel)}
.gap{fill:none;stroke:var(--amber);stroke-dasharray:4 3}
.back{fill:var(--ground)}
.node{fill:var(--panel);stroke:var(--line)}
.node.red{stroke:var(--red);stroke-width:3}
.node.amber{stroke:var(--amber);stroke-width:2;stroke-dasharray:6 3}
.node.green{stroke:var(--green);stroke-width:1.5}
.node.blue{stroke:var(--blue);stroke-width:2}
.node.grey{stroke:var(--grey);stroke-dasharray:2 3}
.edge{fill:none;stroke:var(--grey);stroke-width:1;stroke-dasharray:2 4}
.edge.possible{stroke-dasharray:8 4}
.edge.taken{stroke:var(--accent);stroke-width:2.5;stroke-dasharray:none}
.halo{font-size:11px;paint-order:stroke;stroke:var(--ground);stroke-width:4px}
.head{fill:var(--grey)}.head.taken{fill:var(--accent)}
"""

_PAGE = """
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0 auto;padding:16px 20px 48px;max-width:1180px;background:var(--ground);color:var(--text);
overflow-wrap:anywhere;font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:22px;line-height:1.3;margin:8px 0 4px}
h2{font-size:17px;margin:28px 0 8px}h3{font-size:15px;margin:24px 0 6px}
h1 .mono,h2 .mono,h2 code,h3 code{font-size:inherit}
p{margin:6px 0}
code,pre,.mono{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.87em;
font-variant-ligatures:none}
pre{margin:6px 0;padding:10px 12px;background:var(--panel);border-radius:4px;
white-space:pre-wrap}
a{color:var(--blue)}
.status{white-space:nowrap}
.facts{display:flex;flex-wrap:wrap;gap:2px 24px;margin:4px 0 12px;padding:0}
.facts div{display:flex;gap:6px;min-width:0}
dt{color:var(--grey);white-space:nowrap}dd{margin:0;min-width:0}
.box{margin:12px 0;padding:8px 14px;border:1px solid var(--line);border-left-width:6px;
border-radius:4px;background:var(--panel)}
.box.failure{border-color:var(--red)}.box.mark,.box.person{border-color:var(--amber)}
.box h2,.box h3{margin:2px 0 4px}
.box ul{margin:4px 0;padding-left:20px}
.box pre{background:none;padding:0;font-size:.93em}
.box.failure pre{font-weight:600}
table{border-collapse:collapse;width:100%;font-size:13.5px}
caption{text-align:left;color:var(--grey);padding:2px 0 6px}
th,td{text-align:left;vertical-align:top;padding:3px 10px 3px 0;border-top:1px solid var(--line);font-weight:400}
thead th{color:var(--grey);border-top:0}
.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.name{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:13px}
.error{color:var(--red)}
.scroll{overflow-x:auto}
.scroll:focus-visible,summary:focus-visible,a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.timeline .name{width:22%}.timeline .state{white-space:nowrap}
.timeline .bars{width:45%;padding-right:0}
.timeline td{vertical-align:middle}.timeline th{vertical-align:middle}
.strip{display:block;width:calc(100% - 14px);height:18px;overflow:visible}
.d1{padding-left:16px}.d2{padding-left:32px}.d3{padding-left:48px}.d4{padding-left:64px}.d5{padding-left:80px}
.d6{padding-left:96px}
details{margin:6px 0}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.fixed{white-space:nowrap}.rows .name{min-width:150px}
summary{cursor:pointer;padding:3px 0}
details details{margin-left:14px}
.flow{display:block;max-width:none}
.about{color:var(--grey);font-size:13px;margin:0}
footer{margin-top:36px;padding-top:8px;border-top:1px solid var(--line);color:var(--grey);font-size:13px}
@media (min-width:900px){.flow.fit{max-width:100%;height:auto}}
@media (max-width:900px){.only-wide{display:none}}
@media screen and (max-width:760px){
body{padding:10px 12px 40px;font-size:16px}
.timeline,.timeline tbody,.timeline thead{display:block}
.timeline tr{display:grid;grid-template-columns:1fr auto auto;gap:0 10px;padding:5px 0;border-top:1px solid var(--line)}
.timeline thead tr{border-top:0}
.timeline thead th:not(.bars){display:none}
.timeline th,.timeline td{border:0;padding:0;width:auto}
.timeline .name{width:auto;min-width:0}.timeline caption,.rows caption{display:block}
.timeline .bars{grid-column:1/-1;grid-row:2;width:auto}
.timeline .start,.timeline .none{display:none}
.rows thead{display:none}
.rows,.rows tbody,.rows tr,.rows td,.rows th{display:block;border:0;padding:0}
.rows .name{min-width:0}
.rows tr{border-top:1px solid var(--line);padding:5px 0}
.rows td{display:inline-block;margin-right:14px}
.rows td:empty{display:none}
.rows td.number{text-align:left}
.rows td[data-label]::before{content:attr(data-label) " ";color:var(--grey);font-size:13px}
}
@media print{
body{max-width:none;padding:0;font-size:11px}
.scroll{overflow:visible}.flow{max-width:100%;height:auto}
tr,.box{break-inside:avoid}h2,h3{break-after:avoid}
details.printed::details-content{display:block;content-visibility:visible}
}
"""


def picture_style() -> str:
    """Return the style sheet of a picture in a file of its own. It has no variables: not all viewers know them."""
    dark = _filled(_PICTURES, DARK)
    return f"{_filled(_PICTURES, LIGHT)}@media (prefers-color-scheme:dark){{{dark}}}"


def page_style() -> str:
    """Return the style sheet of an HTML report. It is dark where the reader prefers that, except on paper."""
    light, dark = (";".join(f"--{name}:{value}" for name, value in colours.items()) for colours in (LIGHT, DARK))
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{_PAGE}{_PICTURES}"


def _filled(rules: str, colours: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: colours[found[1]], rules)
