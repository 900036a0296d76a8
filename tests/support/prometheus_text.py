"""A strict reader of Prometheus' text format 0.0.4: anything that its description does not allow is an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf

Series = tuple[str, frozenset[tuple[str, str]]]
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
_HELP = re.compile(rf"# HELP ({_NAME}) ((?:[^\\\n]|\\[\\n])+)")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram)")
_SAMPLE = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (\S+)")
_ESCAPE = re.compile(r"\\(.)")
_ENDINGS = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def read_metrics(source: bytes) -> dict[Series, float]:
    """Return each series with its value."""
    text = source.decode("utf-8")
    assert text.endswith("\n")
    # Not `splitlines`, which knows more ends of lines than the format.
    lines = text[:-1].split("\n")
    found: dict[Series, float] = {}
    kinds: dict[str, str] = {}
    names: tuple[str, ...] = ()
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("# HELP"):
            assert _HELP.fullmatch(line), line
        elif line.startswith("# TYPE"):
            kind, described = _TYPE.fullmatch(line), _HELP.fullmatch(before)
            assert kind is not None, line
            assert described is not None, before
            assert described[1] == kind[1]
            assert kind[1] not in kinds, "a metric appears twice"
            kinds[kind[1]] = kind[2]
            names = tuple(kind[1] + ending for ending in _ENDINGS[kind[2]])
            assert kind[1].endswith("_total") == (kind[2] == "counter"), kind[1]
        else:
            series, value = _read_sample(line)
            assert series[0] in names, f"{series[0]} is in the wrong group"
            assert series not in found, f"{series} appears twice"
            found[series] = value
    for name, kind_of in kinds.items():
        if kind_of == "histogram":
            _check_histograms(name, found)
        assert kind_of != "counter" or all(value >= 0 for series, value in found.items() if series[0] == name)
    return found


def _read_sample(line: str) -> tuple[Series, float]:
    sample = _SAMPLE.fullmatch(line)
    assert sample is not None, line
    pairs = [(name, _ESCAPE.sub(_unescape, text)) for name, text in re.findall(_LABEL, sample[2] or "")]
    assert len({name for name, _ in pairs}) == len(pairs), line
    return (sample[1], frozenset(pairs)), _number(sample[7])


def _unescape(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]


def _number(text: str) -> float:
    if text in ("+Inf", "-Inf", "NaN"):
        return float(text)
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", text), text
    return float(text)


def _check_histograms(name: str, found: dict[Series, float]) -> None:
    rows: dict[frozenset[tuple[str, str]], list[tuple[float, float]]] = {}
    for (series, labels), value in found.items():
        if series == f"{name}_bucket":
            bound = float(dict(labels)["le"])
            rows.setdefault(frozenset(pair for pair in labels if pair[0] != "le"), []).append((bound, value))
    for labels, buckets in rows.items():
        bounds, counts = [bound for bound, _ in buckets], [count for _, count in buckets]
        assert bounds == sorted(set(bounds))
        assert bounds[-1] == inf
        assert counts == sorted(counts)
        assert found[f"{name}_count", labels] == counts[-1]
        assert (f"{name}_sum", labels) in found


def series(name: str, **labels: str) -> Series:
    """Return the series of a metric with these labels."""
    return name, frozenset(labels.items())


def values_of(found: dict[Series, float], name: str, label: str) -> dict[str, float]:
    """Return the values of a metric by one of its labels, added up over the others."""
    total: dict[str, float] = {}
    for key, value in _with_label(found, name, label):
        total[key] = total.get(key, 0) + value
    return total


def _with_label(found: dict[Series, float], name: str, label: str) -> Iterator[tuple[str, float]]:
    return ((dict(labels)[label], value) for (series_name, labels), value in found.items() if series_name == name)
