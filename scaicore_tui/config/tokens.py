"""Choose the token (API §4), the first of these that is set:

1. The user's own: in the file of `--token-file`, in `SCAICORE_TUI_TOKEN`, or where the profile says.
2. The tenant's API key from ScaiVault.
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
SIGN_IN_HINT = "sign in and set SCAICORE_TUI_TOKEN, or use --token-file"
# No header can carry more.
MAX_TOKEN_FILE_BYTES = 64 * 1024
API_KEY_HINT = "or set the tenant's API key via POST /v1/tenants/me/scaigrid_credentials"


class TokenSettings(Struct, frozen=True):
    """The settings that determine the token. `file` is that of `--token-file`, `name` the profile's name."""

    env: Mapping[str, str]
    name: str
    profile: Profile
    file: Path | None = None
    tenant: str | None = None

    def sources(self) -> tuple[TokenSource, ...]:
        """Return the sources to ask in this order until one has a token; none if nothing is set.

        Raises:
            ConfigError: the address or the token of ScaiVault is invalid.
        """
        own = next(self._own(), None)
        return tuple(self._fallbacks()) if own is None else (own,)

    def missing_token_error(self, host: str) -> CredentialsError:
        """Return the error for a missing token: the places checked, and what to set."""
        checked = (TOKEN_VARIABLE, self._profile_label(), self._vault_label(), API_KEY_VARIABLE)
        named = self.profile.token_env
        fix = f"set {named}" if named is not None else SIGN_IN_HINT
        return CredentialsError(
            f"no credential for {host}: checked {', '.join(checked)}", hint=f"{fix}; {API_KEY_HINT}"
        )

    def _own(self) -> Iterator[TokenSource]:
        profile = self.profile
        if self.file is not None:
            yield describe_token_file(self.file, "--token-file")
        yield from self._from_variable(TOKEN_VARIABLE)
        if profile.token_env is not None:
            yield from self._from_variable(profile.token_env)
        if profile.token_file is not None:
            yield describe_token_file(profile.token_file, f"token_file of profile {self.name}")
        if profile.token_command is not None:
            yield TokenCommand(self.name, profile.token_command)

    def _fallbacks(self) -> Iterator[TokenSource]:
        env = self.env
        if env.get(VAULT_URL) and env.get(VAULT_TOKEN) and self.tenant is not None:
            url = check_url(env[VAULT_URL].strip(), has_token=True)
            yield VaultKey(url.rstrip("/"), validate_token(env[VAULT_TOKEN], VAULT_TOKEN), self.tenant)
        yield from self._from_variable(API_KEY_VARIABLE)

    def _from_variable(self, name: str) -> Iterator[EnvToken]:
        if text := self.env.get(name):
            yield EnvToken(name, validate_token(text, name))

    def _profile_label(self) -> str:
        if self.profile == Profile():
            return "no profile"
        named = self.profile.token_env
        return f"profile {self.name} ({f'{named} is not set' if named else 'no token key'})"

    def _vault_label(self) -> str:
        unset = [name for name in (VAULT_URL, VAULT_TOKEN) if not self.env.get(name)]
        if self.tenant is None:
            unset.append(TENANT_VARIABLE)
        # If ScaiVault is not set up at all, one name is enough.
        named = unset[:1] if VAULT_URL in unset else unset
        return f"ScaiVault ({', '.join(named)} not set)" if named else "ScaiVault"


def describe_token_file(path: Path, setting: str) -> TokenFile:
    """Return the source for a token file that `setting` names.

    The source is named by its path if that file exists. Else the path may be a token put there by mistake, and
    `setting` names the source.
    """
    path = expand_home(path, setting)
    return TokenFile(str(path) if is_present(path) and path.is_file() else setting, path)


def resolve_token(sources: Sequence[TokenSource]) -> tuple[Secret | None, str, tuple[TokenSource, ...]]:
    """Return the token if it is available at once, its source's name, and the sources for later tokens.

    Raises:
        ConfigError: the token file is unusable.
    """
    first = sources[0] if sources else None
    if isinstance(first, EnvToken):
        return first.token, first.name, ()
    if isinstance(first, TokenFile):
        return read_token_file(first), first.name, (first,)
    return None, "", tuple(sources)


def read_token_file(source: TokenFile) -> Secret:
    """Return the token in a file. Raises ConfigError if it is unusable or if other users can read the file."""
    try:
        with source.path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077 and os.name == "posix":
                raise ConfigError(
                    f"{source.path} can be read by other users", hint=f"chmod 600 {shlex.quote(source.name)}"
                )
            return validate_token(decode_text(file.read(MAX_TOKEN_FILE_BYTES)), source.name)
    except OSError as error:
        raise ConfigError(
            f"{source.name} cannot be read: {error.strerror}", hint="use a file that you can read"
        ) from error
    except ValueError:
        raise ConfigError(
            f"{source.name} is not a text file", hint="the file must hold the token and nothing else"
        ) from None


def validate_token(text: str, source: str) -> Secret:
    """Return `text` as a token. Raises ConfigError, which names `source`, if no header can carry it."""
    secret = Secret(text.strip())
    if not secret.is_sendable:
        raise ConfigError(
            f"{source} does not hold a token: a header cannot carry its text", hint="check for spaces and line breaks"
        )
    return secret
