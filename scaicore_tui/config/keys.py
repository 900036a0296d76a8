"""What a profile may say: each key with an example, as it is written in the file, and what it means."""

from __future__ import annotations

from typing import NamedTuple

# Where the meanings begin.
COLUMN = 40


class Key(NamedTuple):
    """One key; `example` is its value as TOML."""

    example: str
    meaning: str

    def line(self, name: str) -> str:
        """How it stands in the file."""
        return f"{name} = {self.example}"

    def explained(self, name: str) -> str:
        """The same with what it means."""
        return f"{self.line(name):{COLUMN}} # {self.meaning}"


KEYS: dict[str, Key] = {
    "url": Key('"https://scaiflow.example.com"', "the API's address; without a path it gets the usual one"),
    "api": Key('"scaiflow"', "or scaigrid, where a ScaiGrid is spoken to itself"),
    "core": Key('"core_support_triage"', "only this Core"),
    "token_env": Key('"PROD_TOKEN"', "the token is in this variable"),
    "token_file": Key('"~/.config/scaikey/token"', "… or in this file, readable by you alone"),
    "token_command": Key('["scaikey", "token"]', "… or printed by this command; no shell is started"),
    "tenant": Key('"tnt_acme"', "whose API key is asked of ScaiVault, where there is no token of your own"),
    "ca_file": Key('"~/certificates.pem"', "the authorities in it are believed, and no others"),
    "color": Key('"red"', "or amber, green, blue, violet: its name stands on it, on every screen"),
    "protected": Key("true", "each write has its option, or the Core of a replay, typed out first"),
    "read_only": Key("true", "keys and commands that write are off"),
    "interval": Key("5.0", "seconds between two polls"),
    "timeout": Key("10.0", "seconds without a byte before an answer is given up"),
    "low_bandwidth": Key("true", "the link to you is bad: few colours, a tick each five seconds, no mouse"),
    "keep_days": Key("30", "the journal forgets runs that ended longer ago; without it, none"),
    "keep_mb": Key("500", "… and the oldest that ended, where it has more than so many million bytes"),
}
