"""The forms by which what looks like a secret is recognised: names of members, and values."""

from __future__ import annotations

import re
from typing import NamedTuple

# Names of members whose value is a secret.
SECRET_KEY = re.compile(
    r"pass|secret|token|api[._\s-]?key|authori[sz]ation|cookie|private[._\s-]?key|credential|iban|ssn", re.IGNORECASE
)
# Such names of members whose number is none: how many tokens a model used, how many checks passed.
COUNT_KEY = re.compile(r"tokens$|tokens?_(?:count|details|used|total|limit)|^(?:n|num|max)_?tokens?|passed", re.I)


class SecretShape(NamedTuple):
    """A form of secrets. Its pattern has a group `kept` for what precedes the secret, which may be empty."""

    name: str
    pattern: re.Pattern[str]


# In text, a name counts only if a value follows it. In JSON inside a string, quotes may be escaped several times.
_WORDS = r"(?:secret|api[._-]?key|authori[sz]ation|cookie|private[._-]?key|iban|ssn)[\w.-]*"
_NAME = rf"(?:pass(?:word|wd|phrase|code)?|token(?!s)[\w.-]*|{_WORDS})"
_IS = r"[\"'\\]*\s{0,9}[:=]\s{0,9}[\"'\\]*"
SECRET_SHAPES = (
    SecretShape(
        "PEM block",
        re.compile(r"(?P<kept>)-----BEGIN [A-Z0-9 ]+-----(?:(?!-----END).)*(?:-----END [A-Z0-9 ]+-----)?", re.DOTALL),
    ),
    SecretShape("ScaiGrid API key", re.compile(r"(?P<kept>)(?<![A-Za-z0-9])sgk_[\w-]+")),
    SecretShape("JWT", re.compile(r"(?P<kept>)(?<![\w-])eyJ[\w-]{6,}(?:\.[\w-]*)*")),
    SecretShape(
        "authorization", re.compile(r"(?P<kept>\b(?:Bearer|Basic)\s{1,9})(?!\[redacted )[^\s\"',;\\<>]{6,}", re.I)
    ),
    SecretShape("password in a URL", re.compile(r"(?P<kept>://)[^\s/@\"'<>]{1,999}(?=@)")),
    SecretShape(
        "API key",
        re.compile(
            r"(?P<kept>)(?<![\w-])(?:sk-[\w-]{16,}|gh[pousr]_\w{20,}|xox[a-z]-[\w-]{10,}|AKIA[A-Z0-9]{16})(?![\w-])"
        ),
    ),
    SecretShape(
        "value after the name of a secret",
        re.compile(rf"(?P<kept>{_NAME}{_IS})(?!(?:Bearer|Basic)\s|\[redacted )[^\s\"',;&}}\\\])]{{3,}}", re.IGNORECASE),
    ),
)

# Each text with a secret contains one of these, in some case: most texts need no closer look.
_HINTS = (
    *("pass", "secret", "token", "api", "authori", "cookie", "private", "credential", "iban", "ssn", "bearer", "basic"),
    *("sgk_", "eyj", "-----begin", "://", "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "xox", "akia"),
)


def may_have_secret(text: str) -> bool:
    """Return False if a text has neither the name nor the form of a secret in it: a fast check."""
    lower = text.lower()
    return any(hint in lower for hint in _HINTS)
