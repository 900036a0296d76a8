"""The token that goes out with each request of one client: fetched when it is first needed, and anew in time."""

from __future__ import annotations

import asyncio

from scaicore_tui.auth.caller import caller_of, identify
from scaicore_tui.auth.jwt import Claims, read_claims
from scaicore_tui.clock import Clock
from scaicore_tui.config import Caller, Target
from scaicore_tui.config.token_sources import EnvToken, TokenCommand, TokenFile, TokenSource
from scaicore_tui.config.tokens import API_KEY_HINT, SIGN_IN_HINT, read_token_file
from scaicore_tui.errors import CredentialsError, ScaicoreError
from scaicore_tui.secrets import Secret
from scaicore_tui.timefmt import format_age

UNAUTHORIZED = 401

# A token that runs out in so many seconds is replaced before it does.
RENEW_BEFORE_S = 60.0
# What has just been asked says nothing new for so many seconds, whether it is asked because of `exp` or of a 401.
MIN_RENEW_INTERVAL_S = 30.0


class TokenProvider:
    """Of one target. `source` says where its token came from; `renewals` counts the tokens that it had."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self.source = target.token_source
        # Whose token it is, as far as that is known.
        self.caller = identify(target).caller
        self._tenant = target.tenant
        self._host = target.host
        self._sources = target.sources
        self._clock = clock
        self._turn = asyncio.Lock()
        self.renewals = 0
        self._asked = 0
        self._asked_at = float("-inf")
        self._failure: ScaicoreError | None = None
        self._set(target.token)

    @property
    def claims(self) -> Claims | None:
        """What the token says of itself; None where it is no JWT, or not known yet."""
        return self._claims

    @property
    def can_renew(self) -> bool:
        """Whether another token can be had."""
        return bool(self._sources)

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the token runs out, less than zero where it has; None where it does not say."""
        expires = None if self._claims is None else self._claims.expires
        return None if expires is None else expires - self._clock.now()

    async def token(self) -> Secret | None:
        """The token to send; None where nobody said where to have one.

        Raises CredentialsError where there should be one and is none, CannotReach where a vault can't be asked.
        """
        if not self._sources:
            return self._token
        if self._token is None:
            await self._ask()
        elif self._runs_out():
            await self._replace_early()
        return self._token

    async def renew(self, refused: Secret | None) -> bool:
        """After a 401 to `refused`: whether there is another token to try. Raises as `token` does."""
        if self._token == refused and self._may_ask():
            await self._ask()
        return self._token != refused

    def explain(self, refusal: CredentialsError) -> CredentialsError:
        """A refusal with what the token itself says of why: that it ran out."""
        left = self.seconds_left
        if refusal.status != UNAUTHORIZED or left is None or left > 0:
            return refusal
        return CredentialsError(
            refusal.message,
            effect=f"the token from {self.source} ran out {format_age(-left)} ago",
            hint=refusal.hint or "sign in again, and set the new one",
            request_id=refusal.request_id,
            status=refusal.status,
        )

    async def _replace_early(self) -> None:
        """Ask before it is too late; until it is, the old one is as good as it was."""
        try:
            await self._ask()
        except ScaicoreError:
            if (self.seconds_left or 0.0) <= 0:
                raise

    def _runs_out(self) -> bool:
        left = self.seconds_left
        return left is not None and left < RENEW_BEFORE_S and self._may_ask()

    def _may_ask(self) -> bool:
        return bool(self._sources) and self._clock.monotonic() - self._asked_at >= MIN_RENEW_INTERVAL_S

    async def _ask(self) -> None:
        """Ask the sources; whoever wants the same meanwhile waits for that, and gets what came of it."""
        before = self._asked
        async with self._turn:
            if self._asked == before:
                self._failure = None
                try:
                    await self._ask_sources()
                except ScaicoreError as error:
                    self._failure = error
                self._asked, self._asked_at = self._asked + 1, self._clock.monotonic()
        if self._failure is not None:
            raise self._failure

    async def _ask_sources(self) -> None:
        for source in self._sources:
            token = await fetch_token(source)
            if token is not None:
                self.caller = self._same_caller(token, source)
                self.source = source.name
                self._set(token)
                return
        names = ", ".join(source.name for source in self._sources)
        raise CredentialsError(
            f"no credential for {self._host}: {names} has none", hint=f"{SIGN_IN_HINT}; {API_KEY_HINT}"
        )

    def expect_caller(self, caller: Caller | None) -> None:
        """Refuse, from now on, tokens that belong to another `caller`."""
        self.caller = self.caller or caller

    def _same_caller(self, token: Secret, source: TokenSource) -> Caller | None:
        """Who the new `token` belongs to. Raises CredentialsError where that is somebody else than before.

        A journal holds what one caller may see. A new API key may replace the former one.
        """
        found, known = caller_of(token, self._tenant), self.caller
        if found is None or found.key or known is None:
            return known or found
        alike = known.is_same(found)
        if alike is False:
            raise CredentialsError(
                f"the token from {source.name} belongs to {found.label}, not to {known.label}",
                effect="it was not sent",
                hint="each caller has a journal of its own: quit and start again, or use a profile for each",
            )
        return known if alike else found

    def _set(self, token: Secret | None) -> None:
        self.renewals += 1
        self._token = token
        self._claims = None if token is None else read_claims(token.reveal())


async def fetch_token(source: TokenSource) -> Secret | None:
    """The token that a source has now; None where a vault has none. Raises what keeps that from being known."""
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
