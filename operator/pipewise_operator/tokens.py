"""Keeps one project's developer token: in the Secret, valid, renewed at two thirds of its life."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from pipewise_crds import token_secret_name

from .connect import Client
from .desired.schedule import (
    REFUSED_RETRY,
    SECRET_LOOK,
    TOKEN_LOOK,
    mint_gap,
    renewal,
    retry_delay,
)
from .desired.secret import Token, fingerprint, text_in, token_in, token_secret
from .doors import Doors
from .failures import (
    ClientRefusedError,
    ClusterError,
    NotFoundError,
    OperatorError,
    PipedreamUnavailableError,
    RejectedError,
)
from .judge.project import Refused, SecretMissing, Trouble, Unreachable
from .keys import Key
from .records import ProjectRecord

_log = structlog.get_logger()


class SecretMissingError(OperatorError):
    """The client credentials are not where the project says."""


class TokenKeeper:
    """The single flight: one task mints for one project, everybody else waits for what it gets."""

    def __init__(self, doors: Doors, key: Key, record: ProjectRecord) -> None:
        self._doors, self._key, self._record = doors, key, record
        self._wake = asyncio.Event()
        self._usable = asyncio.Event()
        self._token: Token | None = None
        self._pending: Token | None = None
        self._stored = False
        self._refused: Client | None = None
        self._refused_at: datetime | None = None
        self._minted_at: datetime | None = None
        self._attempt = 0

    async def token(self) -> Token:
        """The present token; waits until there is one."""
        while self._token is None or self._token.expires_at <= self._doors.world.clock():
            self._usable.clear()
            await self._usable.wait()
        return self._token

    def reject(self, expires_at: datetime, *, by_runtime: bool) -> None:
        """A call was refused with the token that expires then; if it is the present one, mint another."""
        facts = self._record.facts
        if facts.rejected or expires_at != facts.token_expires_at:
            return
        self._token = None
        counted = facts.rejections + (1 if by_runtime else 0)
        self._record.facts = replace(facts, rejected=True, rejections=counted)
        self._doors.world.dirty.mark(projects=[self._key])
        self._wake.set()

    def accept(self, expires_at: datetime) -> None:
        """A call was accepted with the token that expires then."""
        facts = self._record.facts
        if facts.rejections and expires_at == facts.token_expires_at and not facts.rejected:
            self._record.facts = replace(facts, rejections=0)
            self._doors.world.dirty.mark(projects=[self._key])

    async def run(self) -> None:
        """Keep the token until cancelled."""
        while True:
            self._wake.clear()
            delay = await self._step()
            try:
                async with asyncio.timeout(max(delay.total_seconds(), 0.05)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _step(self) -> timedelta:
        """Do what is to be done now, and say when to look again."""
        try:
            client = await self._client()
            await self._adopt(client)
            if self._pending is None and self._wait(client) is None:
                self._pending = await self._mint(client)
            if self._pending is not None:
                await self._store(self._pending)
                self._use(self._pending)
                self._pending = None
            elif self._token is not None and not self._stored:
                await self._store(self._token)
            self._attempt = 0
            return self._wait(client) or TOKEN_LOOK
        except SecretMissingError as error:
            return self._met(SecretMissing(str(error)), SECRET_LOOK)
        except RejectedError as error:
            return self._met(SecretMissing(f"the API server refuses a Secret: {error}"), SECRET_LOOK)
        except ClientRefusedError as error:
            self._doors.metrics.token_mints.labels(*self._key, "refused").inc()
            return self._met(Refused(f"{error}; correct the Secret {self._secret_name}"), SECRET_LOOK)
        except PipedreamUnavailableError as error:
            self._doors.metrics.token_mints.labels(*self._key, "failed").inc()
            self._attempt += 1
            delay = retry_delay(self._attempt, self._doors.dice(), error.retry_after_seconds)
            return self._met(Unreachable(str(error)), delay)
        except ClusterError as error:
            self._attempt += 1
            _log.warning(
                "token Secret out of reach",
                namespace=self._key.namespace,
                project=self._key.name,
                cause=str(error),
            )
            return retry_delay(self._attempt, self._doors.dice())

    async def _client(self) -> Client:
        """Read the client credentials.

        Raises:
            SecretMissingError: the Secret or one of its keys is not there.
        """
        reference = self._record.project.spec.credentials_secret_ref
        try:
            secret = await self._doors.cluster.secret(self._key.namespace, reference.name)
        except NotFoundError as error:
            raise SecretMissingError(
                f"there is no Secret {reference.name} with the client credentials; create it with the keys "
                f"{reference.client_id_key} and {reference.client_secret_key}"
            ) from error
        found = {key: text_in(secret, key) for key in (reference.client_id_key, reference.client_secret_key)}
        for key, value in found.items():
            if not value:
                raise SecretMissingError(f"the Secret {reference.name} has no key {key}; add it")
        return Client(found[reference.client_id_key] or "", found[reference.client_secret_key] or "")

    async def _adopt(self, client: Client) -> None:
        """Go on with the token that is stored already, if it is this client's and still good."""
        name = token_secret_name(self._key.name)
        try:
            stored = token_in(await self._doors.cluster.secret(self._key.namespace, name))
        except NotFoundError:
            stored = None
        if self._token is not None:
            self._stored = stored is not None and stored.value == self._token.value
            return
        now, facts = self._doors.world.clock(), self._record.facts
        if (
            stored is None
            or stored.client != fingerprint(self._record.project, client.id)
            or stored.expires_at <= now
        ):
            return
        if not (facts.rejected and stored.expires_at == facts.token_expires_at):
            self._use(stored)
            self._stored = True

    def _wait(self, client: Client) -> timedelta | None:
        """How long minting is not wanted yet; None: mint now."""
        now = self._doors.world.clock()
        if self._token is not None and now < self._token.renew_at:
            return min(self._token.renew_at - now, TOKEN_LOOK)
        if (
            self._refused == client
            and self._refused_at is not None
            and now < self._refused_at + REFUSED_RETRY
        ):
            return SECRET_LOOK
        gap = mint_gap(self._record.facts.rejections)
        if self._minted_at is not None and now < self._minted_at + gap:
            return self._minted_at + gap - now
        return None

    async def _mint(self, client: Client) -> Token:
        project, now = self._record.project, self._doors.world.clock()
        self._minted_at = now
        try:
            grant = await self._doors.pipedream.mint(project, client, now)
        except ClientRefusedError:
            self._refused, self._refused_at = client, now
            raise
        self._refused = None
        self._doors.metrics.token_mints.labels(*self._key, "ok").inc()
        _log.info(
            "token minted",
            namespace=self._key.namespace,
            project=self._key.name,
            expires_at=grant.expires_at.isoformat(),
        )
        renew_at = renewal(grant.issued_at, grant.expires_at)
        return Token(grant.token, grant.expires_at, renew_at, fingerprint(project, client.id))

    async def _store(self, token: Token) -> None:
        await self._doors.cluster.apply_secret(token_secret(self._record.project, token))
        self._stored = True

    def _use(self, token: Token) -> None:
        self._token = token
        self._usable.set()
        self._record.facts = replace(
            self._record.facts, token_expires_at=token.expires_at, minting=None, rejected=False
        )
        self._doors.world.dirty.mark(projects=[self._key])

    def _met(self, trouble: Trouble, delay: timedelta) -> timedelta:
        if self._record.facts.minting != trouble:
            _log.warning(
                "no new token", namespace=self._key.namespace, project=self._key.name, cause=trouble.message
            )
        self._record.facts = replace(self._record.facts, minting=trouble)
        self._record.tried = True
        self._doors.world.dirty.mark(projects=[self._key])
        return delay

    @property
    def _secret_name(self) -> str:
        return self._record.project.spec.credentials_secret_ref.name
