"""Compile queries about runs to SQL over the columns of the table of runs, and search in steps, newest first.

What the columns cannot answer is first narrowed down by them, and then evaluated for each summary, or for what the
events of the run hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.analysis.query.compare import comparisons
from scaicore_tui.analysis.query.evaluate import storable, value_matcher
from scaicore_tui.analysis.query.fields import RUNS
from scaicore_tui.analysis.query.rows import QueryContext, assignees, core_names, short_core
from scaicore_tui.analysis.query.tree import And, Not, Op, Or, Test, TextValue, Tree, Value, Word
from scaicore_tui.runs import Gap, RunStatus
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.stored_ids import decode_id, encode_id

# A query on a column with more distinct values reads the summaries.
MAX_DISTINCT_VALUES = 500
_OPEN = "status IN ('running', 'unknown')"
_NUMBERS = {
    "duration": "duration_ms",
    "started": "started_at",
    "age": "started_at",
    "ended": "ended_at",
    "changed": "changed_at",
    "idle": f"{_OPEN} AND changed_at",
    "events": "event_count",
}
# Columns with few distinct values, each with the texts that its value stands for in the field.
_TEXTS: Mapping[str, tuple[str, Callable[[str], Sequence[str | None]]]] = {
    "core": ("core_id", core_names),
    "flow": ("core_id", lambda value: (short_core(value),)),
    "failed": ("failed_node", lambda value: (value,)),
    "group": ("error_group", lambda value: (value,)),
}


class Clause(Struct, frozen=True):
    """An SQL condition with its parameters. If it is not exact, it is also true for rows that do not match.

    `reads_text` says that texts are searched in: no index helps.
    """

    sql: str
    values: tuple[object, ...] = ()
    is_exact: bool = True
    reads_text: bool = False


_STATUSES = frozenset(status.value for status in RunStatus)
_TRUE, _FALSE = Clause("TRUE"), Clause("FALSE")


class RunCompiler:
    """Compiles queries about the runs of one journal. Reads the distinct values of the columns that a query names."""

    def __init__(self, journal: Journal, context: QueryContext) -> None:
        self._journal = journal
        self._context = context

    def compile(self, tree: Tree) -> Clause:
        """Return a condition that is true for every run that matches."""
        return self._compile(tree, is_wide=True)

    def _compile(self, tree: Tree, *, is_wide: bool) -> Clause:
        """Return a condition: one that is true for all matches if `is_wide`, else one that is true only for matches.

        A test of a missing value is NULL, which counts as false; so NOT needs to turn it into false first.
        """
        match tree:
            case Word(text):
                return self._word(storable(text.lower()))
            case Not(part):
                inner = self._compile(part, is_wide=not is_wide)
                return replace(inner, sql=f"NOT coalesce({inner.sql}, FALSE)")
            case And(parts):
                return _joined("AND", [self._compile(part, is_wide=is_wide) for part in parts], _TRUE)
            case Or(parts):
                return _joined("OR", [self._compile(part, is_wide=is_wide) for part in parts], _FALSE)
            case Test(op=Op.UNEQUAL):
                same = Test(tree.field, Op.EQUAL, tree.values, tree.path)
                return self._compile(Not(same), is_wide=is_wide)
            case Test():
                return self._test(tree, is_wide=is_wide)

    def _word(self, needle: str) -> Clause:
        by_status = [self._status(status) for status in RunStatus if needle in status]
        return _joined("OR", [_has_text(needle), *by_status], _FALSE)

    def _test(self, test: Test, *, is_wide: bool) -> Clause:
        if test.field in _NUMBERS:
            return _joined("OR", [self._number(test, value) for value in test.values], _FALSE)
        if test.field in ("status", "is", "has"):
            clauses = [self._choice(test.field, choice, is_wide=is_wide) for choice in self._choices(test)]
            return _joined("OR", clauses, _FALSE)
        if test.field in _TEXTS and (clause := self._among_values(test)) is not None:
            return clause
        if test.field == "assignee":
            accepts = value_matcher(test, RUNS.fields["assignee"], self._context.now)
            return self._among(self._context.runs_with(lambda row: any(map(accepts, assignees(row)))))
        if test.field == "id" and test.op is Op.EQUAL:
            ids = [encode_id(value.text) for value in test.values if isinstance(value, TextValue)]
            return _one_of("execution_id", ids)
        return self._necessary(test) if is_wide else Clause("FALSE", is_exact=False)

    def _number(self, test: Test, value: Value) -> Clause:
        column, found = _NUMBERS[test.field], comparisons(test.field, test.op, value, self._context.now)
        sql = " AND ".join(f"{column} {one.sign} ?" for one in found)
        return Clause(f"({sql})", tuple(one.number for one in found))

    def _choices(self, test: Test) -> Sequence[str]:
        """Return the words that a test of a field with fixed words accepts."""
        field = RUNS.fields[test.field]
        accepts = value_matcher(test, field, self._context.now)
        return [choice for choice in field.choices if accepts(choice)]

    def _choice(self, field: str, choice: str, *, is_wide: bool) -> Clause:
        if field == "status" or choice in _STATUSES:
            return self._status(RunStatus(choice))
        context = self._context
        match choice:
            case "replay":
                return self._among(context.replays)
            case "slow":
                return self._among(context.slow)
            case "checkpoint":
                return self._among(context.runs_with(lambda row: True))
            case "breakpoint":
                return self._among(context.runs_with(lambda row: row.is_breakpoint))
            case "gap":
                return _joined("OR", [_gap(gap) for gap in context.gaps], _FALSE)
            case "error":
                return Clause("error_group IS NOT NULL")
            case _:
                # The start of a run is missing: no column says so.
                return Clause("TRUE" if is_wide else "FALSE", is_exact=False)

    def _status(self, status: RunStatus) -> Clause:
        """Return the condition for a status. A run waits if it is open and has a pending checkpoint."""
        waiting = self._among(self._context.runs_with(lambda row: True))
        if status is RunStatus.WAITING:
            return Clause(f"({_OPEN} AND {waiting.sql})", waiting.values)
        if status in (RunStatus.RUNNING, RunStatus.UNKNOWN):
            return Clause(f"(status = ? AND NOT {waiting.sql})", (status.value, *waiting.values))
        return Clause("status = ?", (status.value,))

    def _among(self, execution_ids: frozenset[str]) -> Clause:
        dialect = self._journal.dialect
        stored = dialect.pack_list([encode_id(key) for key in sorted(execution_ids)])
        return Clause(dialect.is_among.format("execution_id"), (stored,))

    def _among_values(self, test: Test) -> Clause | None:
        """Return the condition for a column with few distinct values: those that pass. None if it has too many."""
        column, texts = _TEXTS[test.field]
        accepts = value_matcher(test, RUNS.fields[test.field], self._context.now)
        stored = self._distinct(column)
        if stored is None:
            return None
        passing = [value for value in stored if any(accepts(text) for text in texts(decode_id(value)))]
        return _one_of(column, passing)

    def _distinct(self, column: str) -> Sequence[str | bytes] | None:
        """Return the distinct values of an indexed column. Skips from one to the next, as most runs share a few."""
        query = f"""WITH RECURSIVE found (value, number) AS (
            SELECT (SELECT {column} FROM runs WHERE {column} IS NOT NULL ORDER BY {column} LIMIT 1), 1 UNION ALL
            SELECT (SELECT {column} FROM runs WHERE {column} > value ORDER BY {column} LIMIT 1), number + 1 FROM found
            WHERE value IS NOT NULL AND number <= ?
        ) SELECT value FROM found WHERE value IS NOT NULL"""  # noqa: S608  (names of columns)
        found = [value for (value,) in self._journal.query(query, MAX_DISTINCT_VALUES)]
        return found if len(found) <= MAX_DISTINCT_VALUES else None

    def _necessary(self, test: Test) -> Clause:
        """Return a condition that every run with the tested text fulfils: the text occurs in its search text."""
        if test.field not in ("node", "error", "id", "instance"):
            return Clause("TRUE", is_exact=False)
        sql = "error_group IS NOT NULL AND " if test.field == "error" else ""
        if test.op is Op.MATCHES:
            return Clause(f"{sql}TRUE", is_exact=False)
        needles = [storable(value.text.lower()) for value in test.values if isinstance(value, TextValue)]
        found = _joined("OR", [_has_text(needle) for needle in needles], _FALSE)
        return replace(found, sql=f"{sql}{found.sql}", is_exact=False)


def _joined(word: str, clauses: Sequence[Clause], empty: Clause) -> Clause:
    if not clauses:
        return empty
    sql = f" {word} ".join(clause.sql for clause in clauses)
    values = tuple(value for clause in clauses for value in clause.values)
    reads_text = any(clause.reads_text for clause in clauses)
    return Clause(f"({sql})", values, all(clause.is_exact for clause in clauses), reads_text)


def _has_text(needle: str) -> Clause:
    return Clause("instr(search_text, ?) > 0", (needle,), reads_text=True)


def _one_of(column: str, values: Sequence[object]) -> Clause:
    return Clause(f"{column} IN ({', '.join('?' * len(values))})", tuple(values)) if values else _FALSE


def _gap(gap: Gap) -> Clause:
    """Return the condition for a run that may have events in a gap: it began before, and did not end before."""
    sql = f"(place <= ? AND ({_OPEN} OR changed_at IS NULL OR changed_at > ?))"
    return Clause(sql, (gap.after, gap.last_at or 0))
