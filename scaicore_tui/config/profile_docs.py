"""Document the keys of a profile, of `[ui]` and of an alert: an example, as written in the file, and the meaning."""

from __future__ import annotations

from typing import NamedTuple

# Column at which the comments start.
COLUMN = 40


class KeyDoc(NamedTuple):
    """Documentation of one key. `example` is a value as TOML."""

    example: str
    meaning: str

    def line(self, name: str) -> str:
        """Return the key and its example as a line of the file."""
        return f"{name} = {self.example}"

    def explained(self, name: str) -> str:
        """Return the line with the meaning as a comment."""
        return f"{self.line(name):{COLUMN}} # {self.meaning}"


KEYS: dict[str, KeyDoc] = {
    "url": KeyDoc('"https://scaiflow.example.com"', "address of the API; without a path, the usual path is added"),
    "api": KeyDoc('"scaiflow"', "or scaigrid, to talk to a ScaiGrid directly"),
    "core": KeyDoc('"core_support_triage"', "show only this Core"),
    "token_env": KeyDoc('"PROD_TOKEN"', "environment variable that holds the token"),
    "token_file": KeyDoc('"~/.config/scaikey/token"', "or: file that holds the token; only you may read it"),
    "token_command": KeyDoc('["scaikey", "token"]', "or: command that prints the token, run without a shell"),
    "tenant": KeyDoc('"tnt_acme"', "tenant whose API key to fetch from ScaiVault if you have no token"),
    "ca_file": KeyDoc('"~/certificates.pem"', "CA bundle (PEM); replaces the trust store of the operating system"),
    "flows": KeyDoc('"~/flows"', "folder with the graphs of your flows (JSON), for the view of a run in its flow"),
    "redact": KeyDoc('["input.customer"]', "paths in payloads that `export` replaces by a hash, besides secrets"),
    "color": KeyDoc('"red"', "or amber, green, blue, violet: colour of the profile's name on every screen"),
    "protected": KeyDoc("true", "require a typed confirmation for each write"),
    "read_only": KeyDoc("true", "turn off all keys and commands that write"),
    "interval": KeyDoc("5.0", "seconds between two polls"),
    "timeout": KeyDoc("10.0", "seconds without a byte before a request fails"),
    "low_bandwidth": KeyDoc("true", "for slow links: few colours, an update every 5 seconds, no mouse"),
    "journal": KeyDoc(
        '"postgresql://db.example.com/runs"', "the team's journal, which `record` writes; without a password"
    ),
    "keep_days": KeyDoc("30", "delete runs from the journal this many days after they ended; default: keep all"),
    "keep_mb": KeyDoc("500", "delete the oldest ended runs when the journal is larger than this many MB"),
    "ui": KeyDoc('{ theme = "nord" }', "how the app looks with this profile, in place of the keys of [ui]"),
}

UI_KEYS: dict[str, KeyDoc] = {
    "theme": KeyDoc('"nord"', "dark, light, terminal, or a theme of Textual's; t changes between dark and light"),
    "view": KeyDoc('"failed"', "what the list of runs shows first: all, failed, waiting, running, or a saved view"),
    "sort": KeyDoc('"changed"', "order of the list: changed, started, duration, events, core or status"),
    "mouse": KeyDoc("false", "leave the mouse to the terminal, to select text with it"),
    "times": KeyDoc('"age"', "or clock: how the list tells when runs changed"),
}

ALERT_KEYS: dict[str, KeyDoc] = {
    "where": KeyDoc(
        '"status:failed core:invoice"', "query of the runs, or with deadline of the checkpoints, that count"
    ),
    "count": KeyDoc("5", "how many runs make an alert; default: 1"),
    "window": KeyDoc(
        '"5m"', "runs count that are open, or changed within this time; it also has to pass before it is over"
    ),
    "deadline": KeyDoc('"15m"', "in place of count: a pending checkpoint's deadline is nearer than this"),
    "remind": KeyDoc('"1h"', "notify again while it lasts, this long after the notice before"),
    "resolve": KeyDoc("true", "also notify when it is over"),
    "profiles": KeyDoc('["prod"]', "only while these profiles are recorded; default: all"),
    "bell": KeyDoc("true", "ring the bell of the terminal, and show a notification"),
    "command": KeyDoc('["/usr/local/bin/page", "flows"]', "program to run, without a shell"),
    "webhook": KeyDoc('"https://alerts.example.com/hook"', "address that gets a POST with JSON"),
    "token_env": KeyDoc('"HOOK_TOKEN"', "environment variable with the token for the webhook"),
    "token_file": KeyDoc('"~/.config/hook-token"', "or: file that holds the token; only you may read it"),
    "token_command": KeyDoc('["pass", "hook"]', "or: command that prints the token, run without a shell"),
    "token_header": KeyDoc('"X-Api-Key"', "header for the token alone; default: Authorization, with Bearer"),
}

KEY_EXAMPLES: dict[str, KeyDoc] = {
    "replay": KeyDoc('"ctrl+r"', "a key in place of R, wherever that replays a run"),
    "inbox.mine": KeyDoc('["m", "f5"]', "only in the inbox; scaicore-tui help keys names actions and contexts"),
}
