"""Rows: what a day costs that is watched to its end, and what is left of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from tests.bench import soak, soak_app
from tests.bench.registry import Row, Setting, row
from tests.bench.soak import Sample, least

DAY, HOUR = 86_400, 3_600
# Runs that ended so many days ago are forgotten: every hour, that is; or every ten minutes.
SHORT, SHORTER = 1 / 24, 1 / 144


@row("soak", 130)
def watching(setting: Setting) -> Iterator[Row]:
    """A session through a day of trouble, of which all is kept."""
    with soak.tracing(is_needed=not setting.small):
        found = asyncio.run(soak.live(setting.size(DAY, HOUR)))
    met = ", ".join(f"{count} {kind}" for kind, count in found.met.most_common())
    yield Row("a day of trouble: events lost", found.lost, "", 0, note=f"{found.offered:,} events; answers: {met}")
    yield Row("… events doubled", found.doubled, "", 0)
    yield Row("… gaps", found.gaps, "", 0)
    yield Row("… runs told wrong", found.wrong, "", 0)
    yield Row("… own 429s", found.refused, "", 0)
    yield Row("… answers sent twice", found.twice, "", 0)
    yield Row("… answers without an end", found.open, "", 0)
    yield Row("… tasks and descriptors left behind", found.left, "", 0)
    yield Row(
        "… grown by night", _grown(found.samples, (0.76, 0.88), (0.88, 1.0)), "bytes", _on_a_whole_day(setting, 32_768)
    )
    morning, evening = least(found.samples, 0.05, 0.2), least(found.samples, 0.6, 0.75)
    yield Row(
        "… a run holds",
        (evening.bytes - morning.bytes) / (evening.runs - morning.runs),
        "bytes/run",
        _on_a_whole_day(setting, 2_048),
    )
    yield Row("… tasks more in the evening", evening.tasks - morning.tasks, "", 4)
    yield Row("… descriptors more in the evening", evening.descriptors - morning.descriptors, "", 0)
    yield Row(
        "… an hour's work in the evening",
        _work(found.samples, 0.6, 0.75),
        "s",
        _on_a_whole_day(setting, 1.5),
        least=_work(found.samples, 0.05, 0.2),
        beside="in the morning",
    )


@row("soak-kept", 131)
def forgetting(setting: Setting) -> Iterator[Row]:
    """The same, with a journal that forgets."""
    with soak.tracing(is_needed=not setting.small):
        found = asyncio.run(soak.live(setting.size(DAY, HOUR), SHORTER if setting.small else SHORT))
    yield Row("a day, of which an hour is kept: events doubled", found.doubled, "", 0)
    yield Row(
        "… grown by day", _grown(found.samples, (0.4, 0.57), (0.57, 0.74)), "bytes", _on_a_whole_day(setting, 65_536)
    )


@row("soak-app", 132)
def looking(setting: Setting) -> Iterator[Row]:
    """The app, and a person who looks at everything."""
    with soak.tracing(is_needed=not setting.small):
        samples = asyncio.run(soak_app.live(setting.size(4 * HOUR, HOUR // 2)))
    yield Row(
        "the app in use: grown by night",
        _grown(samples, (0.78, 0.88), (0.88, 1.0)),
        "bytes",
        _on_a_whole_day(setting, 131_072),
    )


def _on_a_whole_day(setting: Setting, target: float) -> float | None:
    """What an hour is not judged by: all that is kept at hand is still being filled."""
    return None if setting.small else target


def _grown(samples: list[Sample], before: tuple[float, float], after: tuple[float, float]) -> float:
    return least(samples, *after).bytes - least(samples, *before).bytes


def _work(samples: list[Sample], begin: float, end: float) -> float:
    """Seconds of the processor for an hour of the clock."""
    within = [sample for sample in samples if begin * samples[-1].at <= sample.at <= end * samples[-1].at]
    return (within[-1].worked - within[0].worked) * HOUR / (within[-1].at - within[0].at)
