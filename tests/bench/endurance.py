"""Rows: costs of a session that runs for a whole day, and the resources left in use at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from tests.bench import soak, soak_app
from tests.bench.goals import Goal
from tests.bench.registry import Row, Setting, row
from tests.bench.soak import Sample, smallest_sample

DAY_S, HOUR_S = 86_400, 3_600
# Retention in days: one hour, and ten minutes.
KEEP_HOUR_DAYS, KEEP_TEN_MINUTES_DAYS = 1 / 24, 1 / 144


@row("soak", 130)
def faulty_day(setting: Setting) -> Iterator[Row]:
    """Run a session through a day with faults, without retention."""
    with soak.tracing(is_needed=not setting.small):
        found = asyncio.run(soak.run_day(setting.size(DAY_S, HOUR_S)))
    faults = ", ".join(f"{count} {kind}" for kind, count in found.faults.most_common())
    note = f"{found.offered:,} events; responses: {faults}"
    yield Row("a day with faults: events lost", found.lost, "", 0, note=note)
    yield Row("… duplicate events", found.duplicates, "", 0)
    yield Row("… gaps", found.gaps, "", 0)
    yield Row("… runs with a wrong status", found.wrong, "", 0)
    yield Row("… own 429 responses", found.rejected, "", 0)
    yield Row("… answers sent twice", found.answered_twice, "", 0)
    yield Row("… answers without an outcome", found.unresolved, "", 0)
    yield Row("… tasks and descriptors left open", found.leaked, "", 0)
    yield Row(
        "… memory growth by night",
        _memory_growth(found.samples, (0.76, 0.88), (0.88, 1.0)),
        "bytes",
        _limit_of_full_day(setting, 32_768),
    )
    morning, evening = smallest_sample(found.samples, 0.05, 0.2), smallest_sample(found.samples, 0.6, 0.75)
    yield Row(
        "… memory per run",
        (evening.bytes - morning.bytes) / (evening.runs - morning.runs),
        "bytes/run",
        _limit_of_full_day(setting, 2_048),
    )
    yield Row("… additional tasks in the evening", evening.tasks - morning.tasks, "", 4)
    yield Row("… additional descriptors in the evening", evening.descriptors - morning.descriptors, "", 0)
    yield Row(
        "… processor time per hour in the evening",
        _cpu_per_hour(found.samples, 0.6, 0.75),
        "s",
        _limit_of_full_day(setting, 1.5),
        reference=_cpu_per_hour(found.samples, 0.05, 0.2),
        reference_name="in the morning",
    )


@row("soak-kept", 131)
def day_with_retention(setting: Setting) -> Iterator[Row]:
    """Run the same day with retention."""
    with soak.tracing(is_needed=not setting.small):
        found = asyncio.run(
            soak.run_day(setting.size(DAY_S, HOUR_S), KEEP_TEN_MINUTES_DAYS if setting.small else KEEP_HOUR_DAYS)
        )
    yield Row("one hour of retention: duplicate events", found.duplicates, "", 0)
    growth = _memory_growth(found.samples, (0.4, 0.57), (0.57, 0.74))
    if setting.small:
        yield Goal.DAY.without_value("an hour does not fill the caches")
    else:
        yield Goal.DAY.row(growth, "bytes")


@row("soak-app", 132)
def app_in_use(setting: Setting) -> Iterator[Row]:
    """Run the app while a person opens every screen."""
    with soak.tracing(is_needed=not setting.small):
        samples = asyncio.run(soak_app.run_day(setting.size(4 * HOUR_S, HOUR_S // 2)))
    yield Row(
        "the app in use: memory growth by night",
        _memory_growth(samples, (0.78, 0.88), (0.88, 1.0)),
        "bytes",
        _limit_of_full_day(setting, 131_072),
    )


def _limit_of_full_day(setting: Setting, target: float) -> float | None:
    """Return the limit for a whole day. In an hour the caches are still being filled, so there is no limit."""
    return None if setting.small else target


def _memory_growth(samples: list[Sample], before: tuple[float, float], after: tuple[float, float]) -> float:
    """Return the additional bytes between two parts of the day."""
    return smallest_sample(samples, *after).bytes - smallest_sample(samples, *before).bytes


def _cpu_per_hour(samples: list[Sample], begin: float, end: float) -> float:
    """Return the seconds of processor time per hour of the clock, in a part of the day."""
    within = [sample for sample in samples if begin * samples[-1].at <= sample.at <= end * samples[-1].at]
    return (within[-1].cpu_s - within[0].cpu_s) * HOUR_S / (within[-1].at - within[0].at)
