"""Regular expressions that take linear time, whatever the expression: a person's typing must not stop the app.

Python's `re` backtracks: `(a+)+b` on forty letters takes years, and holds the lock of the interpreter meanwhile, so no
deadline helps. google-re2 would do, but it is compiled code of C++ that has no wheels for every system and Python that
this program runs on, for one operator of one text field. So: the usual syntax without look-around and back references,
compiled to the program of an automaton whose states are computed when they are needed (Thompson 1968, Cox 2007). Each
character costs at most one step of each instruction; both are limited. Case does not matter. `^` and `$` are the ends
of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

MAX_PATTERN_CHARS = 200
MAX_INSTRUCTIONS = 400
# Longer texts are searched up to here.
MAX_TEXT_CHARS = 20_000
# States and transitions that are remembered; then all are forgotten.
MAX_CACHED_STEPS = 4_000
MAX_REPEATS = 100
_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "w": lambda char: char.isalnum() or char == "_",
    "s": str.isspace,
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class RegexError(ValueError):
    """A regular expression cannot be used: the message says why, `position` where, counted from 0."""

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(problem)
        self.position = position


Accepts = Callable[[str], bool]


class _Char(Struct, frozen=True, eq=False):
    accepts: Accepts


class _Split(Struct):
    """Continue at both; `other` may be before or after."""

    first: int
    other: int


class _Start(Struct, frozen=True):
    pass


class _End(Struct, frozen=True):
    pass


class _Match(Struct, frozen=True):
    pass


_Instruction = _Char | _Split | _Start | _End | _Match
# A part of a program, with addresses relative to its beginning; it continues right after its end.
_Code = list[_Instruction]


class _Compiler:
    """Compiles one expression by recursive descent. Each method returns the code of what it read."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0

    def compile(self) -> _Code:
        if len(self._source) > MAX_PATTERN_CHARS:
            raise RegexError(f"is longer than {MAX_PATTERN_CHARS} characters", MAX_PATTERN_CHARS)
        code = self._either()
        if self._at < len(self._source):
            raise self._error("has ) without (")
        return [*code, _Match()]

    def _error(self, problem: str, back: int = 0) -> RegexError:
        return RegexError(problem, self._at - back)

    def _peek(self) -> str:
        return self._source[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise self._error("is not complete")
        self._at += 1
        return char

    def _either(self) -> _Code:
        code = self._sequence()
        while self._peek() == "|":
            self._at += 1
            other = self._sequence()
            code = self._limited(
                [_Split(1, len(code) + 2), *_moved(code, 1), _jump(len(code) + 1, other), *_moved(other, len(code) + 2)]
            )
        return code

    def _sequence(self) -> _Code:
        code: _Code = []
        while self._peek() not in ("", "|", ")"):
            code = self._limited([*code, *_moved(self._repeated(), len(code))])
        return code

    def _repeated(self) -> _Code:
        part = self._atom()
        while (sign := self._peek()) and sign in "*+?{":
            low, high = self._bounds()
            part = self._repeat(part, low, high)
            if self._peek() == "?":  # as few as possible: the same texts match
                self._at += 1
        return part

    def _bounds(self) -> tuple[int, int | None]:
        sign = self._take()
        if sign != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        end = self._source.find("}", self._at)
        low, comma, high = self._source[self._at : end].partition(",")
        is_valid = end >= 0 and low.isdecimal() and (high.isdecimal() or (comma and not high) or not comma)
        if not is_valid or max(int(low), int(high or 0)) > MAX_REPEATS or (high and int(high) < int(low)):
            raise self._error(f"needs {{m}}, {{m,}} or {{m,n}} up to {MAX_REPEATS}", 1)
        self._at = end + 1
        return int(low), (int(high) if high else None) if comma else int(low)

    def _repeat(self, part: _Code, low: int, high: int | None) -> _Code:
        code: _Code = []
        for _ in range(low):
            code = self._limited([*code, *_moved(part, len(code))])
        if high is None:
            begin = len(code)
            return self._limited(
                [*code, _Split(begin + 1, begin + len(part) + 2), *_moved(part, begin + 1), _Split(begin, begin)]
            )
        for _ in range(high - low):
            begin = len(code)
            code = self._limited([*code, _Split(begin + 1, begin + len(part) + 1), *_moved(part, begin + 1)])
        return code

    def _limited(self, code: _Code) -> _Code:
        if len(code) > MAX_INSTRUCTIONS:
            raise self._error("is too large")
        return code

    def _atom(self) -> _Code:
        char = self._take()
        if char == "(":
            return self._group()
        if char in "*+?{":
            raise self._error("has nothing to repeat", 1)
        if char in "^$":
            return [_Start() if char == "^" else _End()]
        if char == ".":
            return [_Char(lambda found: found != "\n")]
        if char == "[":
            return [_Char(self._set())]
        return [_Char(self._escape() if char == "\\" else _is(char))]

    def _group(self) -> _Code:
        if self._peek() == "?":
            if not self._source.startswith("?:", self._at):
                raise self._error("(?…) is not supported, except (?:…)", 1)
            self._at += 2
        code = self._either()
        if self._peek() != ")":
            raise self._error("has ( without )")
        self._at += 1
        return code

    def _escape(self) -> Accepts:
        char = self._take()
        if char.lower() in _CLASSES:
            accepts = _CLASSES[char.lower()]
            return (lambda found: not accepts(found)) if char.isupper() else accepts
        if char in _ESCAPES or not char.isalnum():
            return _is(_ESCAPES.get(char, char))
        raise self._error(f"\\{char} is not supported", 2)

    def _set(self) -> Accepts:
        is_negated = self._peek() == "^"
        self._at += is_negated
        parts = [self._set_item()]
        while self._peek() != "]":
            parts.append(self._set_item())
        self._at += 1
        return lambda found: any(part(found) for part in parts) is not is_negated

    def _set_item(self) -> Accepts:
        begin = self._take()
        if begin == "\\":
            return self._escape()
        if self._peek() != "-" or self._source[self._at + 1 : self._at + 2] in ("]", ""):
            return _is(begin)
        self._at += 1
        end = self._take()
        if end < begin or end == "\\":
            raise self._error("has a range that is not one", 3)
        return lambda found: begin <= found <= end or begin <= found.upper() <= end


def _is(char: str) -> Accepts:
    lower = char.lower()
    return lambda found: found == lower


def _moved(code: Iterable[_Instruction], by: int) -> _Code:
    """Return `code` for a place `by` instructions further."""
    return [_Split(one.first + by, one.other + by) if isinstance(one, _Split) else one for one in code]


def _jump(begin: int, other: _Code) -> _Split:
    """Return an instruction that continues after the code `other`, which follows it."""
    end = begin + 1 + len(other)
    return _Split(end, end)


_State = frozenset[int]


class Regex:
    """A compiled regular expression. Raises RegexError if it cannot be used."""

    def __init__(self, source: str) -> None:
        self._code = _Compiler(source).compile()
        self._match = len(self._code) - 1
        self._first = self._closure([0], at_start=True, at_end=False)
        self._again = self._closure([0], at_start=False, at_end=False)
        self._steps: dict[tuple[_State, str], _State] = {}

    def search(self, text: str) -> bool:
        """Return whether the expression matches anywhere in `text`, whatever its case."""
        state, steps, end = self._first, self._steps, self._match
        for char in text[:MAX_TEXT_CHARS].lower():
            if end in state:
                return True
            following = steps.get((state, char))
            state = self._step(state, char) if following is None else following
        is_start = state is self._first
        return end in self._closure(state, at_start=is_start, at_end=True)

    def _step(self, state: _State, char: str) -> _State:
        if len(self._steps) >= MAX_CACHED_STEPS:
            self._steps.clear()
        code = self._code
        reached = [at + 1 for at in state if isinstance(one := code[at], _Char) and one.accepts(char)]
        following = self._closure(reached, at_start=False, at_end=False) | self._again
        self._steps[state, char] = following
        return following

    def _closure(self, begin: Iterable[int], *, at_start: bool, at_end: bool) -> _State:
        """Return what is reached from `begin` without a character. `$` is kept for the end of the text."""
        reached, waiting = set[int](), list(begin)
        while waiting:
            at = waiting.pop()
            if at in reached:
                continue
            reached.add(at)
            match self._code[at]:
                case _Split(first, other):
                    waiting += (first, other)
                case _Start():
                    waiting += [at + 1] * at_start
                case _End():
                    waiting += [at + 1] * at_end
        return frozenset(reached)
