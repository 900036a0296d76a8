"""Which token goes out (API §4): the first that there is of those that a person set.

1. The person's own: in the file that `--token-file` names, in `SCAICORE_TUI_TOKEN`, or where the profile says.
2. The tenant's key out of ScaiVault.
3. `SCAIGRID_API_KEY`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from scaicore_tui.config.files import is_present
from scaicore_tui.config.paths import expand_home
from scaicore_tui.config.profiles import Profile
from scaicore_tui.config.target import check_url
from scaicore_tui.config.token_sources import EnvToken, TokenCommand, TokenFile, TokenSource, VaultKey
from scaicore_tui.decoding import decode_text
from scaicore_tui.errors import ConfigError, CredentialsError
from scaicore_tui.secrets import Secret

TOKEN_VARIABLE, API_KEY_VARIABLE = "SCAICORE_TUI_TOKEN", "SCAIGRID_API_KEY"
VAULT_URL, VAULT_TOKEN, TENANT_VARIABLE = "SCAIVAULT_URL", "SCAIVAULT_TOKEN", "SCAICORE_TUI_TENANT"
SIGN_IN_HINT = "sign in and set SCAICORE_TUI_TOKEN, or name a --token-file"
# In bytes; no header takes more.
MAX_TOKEN_FILE_BYTES = 64 * 1024
API_KEY_HINT = "or set the tenant's API key via POST /v1/tenants/me/scaigrid_credentials"


class TokenSettings(Struct, frozen=True):
    """What bears on the choice: the `file` that a flag names, the environment, the profile by its name, the tenant."""

    env: Mapping[str, str]
    name: str
    profile: Profile
    file: Path | None = None
    tenant: str | None = None

    def sources(self) -> tuple[TokenSource, ...]:
        """What is asked, in this order, until there is a token; none where nothing is set.

        Raises ConfigError for a ScaiVault that nobody should ask.
        """
        own = next(self._own(), None)
        return tuple(self._fallbacks()) if own is None else (own,)

    def missing_token_error(self, host: str) -> CredentialsError:
        """There is none: what was looked at, and what to set."""
        looked_at = (TOKEN_VARIABLE, self._of_profile(), self._of_vault(), API_KEY_VARIABLE)
        named = self.profile.token_env
        fix = f"set {named}" if named is not None else SIGN_IN_HINT
        return CredentialsError(
            f"no credential for {host}: looked at {', '.join(looked_at)}", hint=f"{fix}; {API_KEY_HINT}"
        )

    def _own(self) -> Iterator[TokenSource]:
        profile = self.profile
        if self.file is not None:
            yield describe_token_file(self.file, "--token-file")
        yield from self._said(TOKEN_VARIABLE)
        if profile.token_env is not None:
            yield from self._said(profile.token_env)
        if profile.token_file is not None:
            yield describe_token_file(profile.token_file, f"token_file of profile {self.name}")
        if profile.token_command is not None:
            yield TokenCommand(self.name, profile.token_command)

    def _fallbacks(self) -> Iterator[TokenSource]:
        env = self.env
        if env.get(VAULT_URL) and env.get(VAULT_TOKEN) and self.tenant is not None:
            url = check_url(env[VAULT_URL].strip(), has_token=True)
            yield VaultKey(url.rstrip("/"), validate_token(env[VAULT_TOKEN], VAULT_TOKEN), self.tenant)
        yield from self._said(API_KEY_VARIABLE)

    def _said(self, name: str) -> Iterator[EnvToken]:
        if text := self.env.get(name):
            yield EnvToken(name, validate_token(text, name))

    def _of_profile(self) -> str:
        if self.profile == Profile():
            return "no profile"
        named = self.profile.token_env
        return f"profile {self.name} ({f'{named} is not set' if named else 'it names none'})"

    def _of_vault(self) -> str:
        unset = [name for name in (VAULT_URL, VAULT_TOKEN) if not self.env.get(name)]
        if self.tenant is None:
            unset.append(TENANT_VARIABLE)
        # Where nothing of it is set, one name says enough.
        told = unset[:1] if VAULT_URL in unset else unset
        return f"ScaiVault ({', '.join(told)} not set)" if told else "ScaiVault"


def describe_token_file(path: Path, said_by: str) -> TokenFile:
    """That file. Its path is told where there is such a file: else it may be a token in the wrong place."""
    path = expand_home(path, said_by)
    return TokenFile(str(path) if is_present(path) and path.is_file() else said_by, path)


def resolve_token(sources: Sequence[TokenSource]) -> tuple[Secret | None, str, tuple[TokenSource, ...]]:
    """The token that can be had at once, where it came from, and what to ask for another one, or for the first.

    Raises ConfigError for a file that is not as it should be.
    """
    first = sources[0] if sources else None
    if isinstance(first, EnvToken):
        return first.token, first.name, ()
    if isinstance(first, TokenFile):
        return read_token_file(first), first.name, (first,)
    return None, "", tuple(sources)


def read_token_file(source: TokenFile) -> Secret:
    """The token in a file that nobody else can read. Raises ConfigError where that is not so."""
    try:
        with source.path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077 and os.name == "posix":
                raise ConfigError(f"{source.path} can be read by others", hint=f"chmod 600 {shlex.quote(source.name)}")
            return validate_token(decode_text(file.read(MAX_TOKEN_FILE_BYTES)), source.name)
    except OSError as error:
        raise ConfigError(f"{source.name} can't be read: {error.strerror}", hint="name a file of yours") from error
    except ValueError:
        raise ConfigError(f"{source.name} is no text", hint="it should hold the token alone") from None


def validate_token(text: str, source: str) -> Secret:
    """What `source` holds, as a token. Raises ConfigError where no header can carry it."""
    secret = Secret(text.strip())
    if not secret.is_sendable:
        raise ConfigError(f"{source} holds no token: a header can't carry it", hint="look for spaces and line breaks")
    return secret
