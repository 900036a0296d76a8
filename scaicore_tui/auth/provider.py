"""Provide the token for the requests of one client: fetch it when first needed, and renew it before it expires."""

from __future__ import annotations

import asyncio

from scaicore_tui.auth.caller import caller_of, identify
from scaicore_tui.auth.jwt import Claims, read_claims
from scaicore_tui.clock import Clock
from scaicore_tui.config import Caller, Target
from scaicore_tui.config.token_sources import EnvToken, TokenCommand, TokenFile, TokenSource
from scaicore_tui.config.tokens import API_KEY_HINT, SIGN_IN_HINT, read_token_file
from scaicore_tui.errors import CredentialsError, ScaicoreError
from scaicore_tui.log import Log, error_fields
from scaicore_tui.secrets import Secret
from scaicore_tui.timefmt import format_age

UNAUTHORIZED = 401

_log = Log(__name__)

# A token is renewed this long before it expires.
RENEW_BEFORE_S = 60.0
# The sources are asked at most this often, whether because of expiry or of a 401.
MIN_RENEW_INTERVAL_S = 30.0


class TokenProvider:
    """Provides the token for one target.

    Attributes:
        source: name of the token's source, for people.
        caller: who the token belongs to; None if that is not known yet.
        renewals: number of tokens so far.
    """

    def __init__(self, target: Target, clock: Clock) -> None:
        self.source = target.token_source
        self.caller = identify(target).caller
        self._tenant = target.tenant
        self._host = target.host
        self._sources = target.sources
        self._clock = clock
        self._fetch_lock = asyncio.Lock()
        self.renewals = 0
        self._fetch_count = 0
        self._fetched_at = float("-inf")
        self._failure: ScaicoreError | None = None
        self._set(target.token)

    @property
    def claims(self) -> Claims | None:
        """Claims of the token; None if it is not a JWT or not fetched yet."""
        return self._claims

    @property
    def can_renew(self) -> bool:
        """True if there is a source for another token."""
        return bool(self._sources)

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the token expires, negative if it has expired; None if that is not known."""
        expires = None if self._claims is None else self._claims.expires
        return None if expires is None else expires - self._clock.now()

    async def token(self) -> Secret | None:
        """Return the token to send; None if no source is configured.

        Raises:
            CredentialsError: the sources have no usable token.
            Unreachable: ScaiVault cannot be reached.
        """
        if not self._sources:
            return self._token
        if self._token is None:
            await self._fetch()
        elif self._expires_soon():
            await self._renew_early()
        return self._token

    async def renew(self, refused: Secret | None) -> bool:
        """After a 401 for the token `refused`, return True if there is another token to try. Raises as `token` does."""
        if self._token == refused and self._may_fetch():
            await self._fetch()
        return self._token != refused

    def explain(self, refusal: CredentialsError) -> CredentialsError:
        """Return the error, extended by the expiry of the token if that is the likely cause."""
        left = self.seconds_left
        if refusal.status != UNAUTHORIZED or left is None or left > 0:
            return refusal
        return CredentialsError(
            refusal.message,
            effect=f"the token from {self.source} expired {format_age(-left)} ago",
            hint=refusal.hint or "sign in again and set the new token",
            request_id=refusal.request_id,
            status=refusal.status,
        )

    async def _renew_early(self) -> None:
        """Renew the token before it expires; if that fails, keep using the old one until then."""
        try:
            await self._fetch()
        except ScaicoreError:
            if (self.seconds_left or 0.0) <= 0:
                raise

    def _expires_soon(self) -> bool:
        left = self.seconds_left
        return left is not None and left < RENEW_BEFORE_S and self._may_fetch()

    def _may_fetch(self) -> bool:
        return bool(self._sources) and self._clock.monotonic() - self._fetched_at >= MIN_RENEW_INTERVAL_S

    async def _fetch(self) -> None:
        """Fetch a token from the sources. Concurrent calls wait for the fetch in progress and share its result."""
        before = self._fetch_count
        async with self._fetch_lock:
            if self._fetch_count == before:
                self._failure = None
                try:
                    await self._fetch_from_sources()
                except ScaicoreError as error:
                    self._failure = error
                    _log.warning("no token", **error_fields(error))
                self._fetch_count, self._fetched_at = self._fetch_count + 1, self._clock.monotonic()
        if self._failure is not None:
            raise self._failure

    async def _fetch_from_sources(self) -> None:
        for source in self._sources:
            token = await fetch_token(source)
            if token is not None:
                self.caller = self._same_caller(token, source)
                self.source = source.name
                self._set(token)
                left = self.seconds_left
                _log.info("token read", source=source.name, expires_in_s=None if left is None else round(left))
                return
        names = ", ".join(source.name for source in self._sources)
        raise CredentialsError(
            f"no credential for {self._host}: no token from {names}", hint=f"{SIGN_IN_HINT}; {API_KEY_HINT}"
        )

    def expect_caller(self, caller: Caller | None) -> None:
        """From now on, reject tokens of another caller than `caller`."""
        self.caller = self.caller or caller

    def _same_caller(self, token: Secret, source: TokenSource) -> Caller | None:
        """Return the caller of the new `token`. A new API key may replace the former one.

        Raises:
            CredentialsError: it is another caller than before; a journal holds only what one caller may see.
        """
        found, known = caller_of(token, self._tenant), self.caller
        if found is None or found.key or known is None:
            return known or found
        is_same = known.is_same(found)
        if is_same is False:
            raise CredentialsError(
                f"the token from {source.name} belongs to {found.label}, not to {known.label}",
                effect="the token was not sent",
                hint="each caller has its own journal: restart the program, or use one profile per caller",
            )
        return known if is_same and known.subject else found

    def _set(self, token: Secret | None) -> None:
        self.renewals += 1
        self._token = token
        self._claims = None if token is None else read_claims(token.reveal())


async def fetch_token(source: TokenSource) -> Secret | None:
    """Return the current token of a source; None if a vault has none.

    Raises:
        ScaicoreError: the source cannot be read or asked.
    """
    if isinstance(source, EnvToken):
        return source.token
    if isinstance(source, TokenFile):
        return await asyncio.to_thread(read_token_file, source)
    if isinstance(source, TokenCommand):
        from scaicore_tui.auth.sources import run_command

        return await run_command(source.arguments)
    import httpx

    from scaicore_tui.auth.sources import fetch_tenant_key
    from scaicore_tui.config.network import network_options

    async with httpx.AsyncClient(**network_options(source.url)) as http:
        return await fetch_tenant_key(http, source.url, source.token, source.tenant)
