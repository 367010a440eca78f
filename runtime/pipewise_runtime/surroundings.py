"""What a runtime stands in: a namespace of Kubernetes, or a folder of files. Both look alike to `program`."""

import asyncio
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError
from yaml import YAMLError

from pipewise_crds import RuntimeStatus, Verdict
from pipewise_crds.profiles import profiles_from

from .arguments import Arguments
from .core.evidence import Evidence
from .engine import Engine
from .ports import Tokens
from .report import Facts, Identity, Report
from .sources.cluster import connect
from .sources.connect import Connect, Credentials
from .sources.files import FileSource
from .sources.kubernetes import KubernetesSource, Listeners
from .sources.manifests import explained, not_yaml
from .sources.minted_tokens import MintedTokens
from .sources.reviews import ApiReviews
from .sources.roster import Scope
from .sources.secret_tokens import SecretTokens
from .version import VERSION


class ProfilesError(Exception):
    """The file of profiles cannot be used."""


class Surroundings(Protocol):
    """Brings bindings, projects and tokens, and takes reports."""

    @property
    def tokens(self) -> Tokens:
        """Where the engine gets tokens."""

    @property
    def is_synced(self) -> bool:
        """Whether all there was at the start was taken up."""

    async def run(self, engine: Engine, evidence: Evidence, endpoint: str) -> None:
        """Deliver to the engine and report, until cancelled."""

    async def close(self) -> None:
        """Close connections, after `run` has ended."""


class InKubernetes:
    """A namespace, through its API server."""

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self._scope = scope_of(arguments)
        self._client = connect(arguments.kubeconfig, arguments.namespace)
        self.tokens = SecretTokens(self._client)
        self.reviews = ApiReviews(self._client)
        self._source: KubernetesSource | None = None

    @property
    def is_synced(self) -> bool:
        """Whether all there was at the start was taken up."""
        return self._source is not None and self._source.is_synced

    async def run(self, engine: Engine, evidence: Evidence, endpoint: str) -> None:
        """Deliver to the engine and report, until cancelled."""
        arguments = self._arguments
        source = self._source = KubernetesSource(self._client, arguments.name, self._scope, engine)
        constants = RuntimeStatus(
            agents=sorted(arguments.agents),
            placement=arguments.placement,
            shard=arguments.shard,
            endpoint=endpoint,
            version=VERSION,
        )
        identity = Identity(arguments.name, arguments.pod_uid)
        facts = Facts(evidence, constants, source, sessions=lambda: engine.sessions)
        report = Report(self._client, identity, facts)
        listeners = Listeners(self.tokens.announced, report.changed, report.deleted)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(source.run(listeners), name="source")
                group.create_task(report.run(), name="report")
        finally:
            await report.withdraw()

    async def close(self) -> None:
        """Close connections, after `run` has ended."""
        await self._client.close()


class OverFiles:
    """A folder of manifests, with this runtime doing what an operator would."""

    def __init__(self, folder: Path, arguments: Arguments) -> None:
        self._folder = folder
        self._scope = scope_of(arguments)
        self._connect = Connect()
        self.tokens = MintedTokens(self._connect, self._credentials_of)
        self._source: FileSource | None = None
        self.is_synced = False

    async def run(self, engine: Engine, evidence: Evidence, endpoint: str) -> None:  # noqa: ARG002 - the protocol's
        """Deliver to the engine until cancelled; nobody reads reports here.

        Raises:
            ManifestError: the folder cannot be used as it is at the start.
        """
        source = self._source = FileSource(self._folder, self._scope, engine, self._connect)
        source.load()
        self.is_synced = True
        evidence.on_change = lambda _urgent: _recheck(source, evidence)
        await source.run(self.tokens)

    async def close(self) -> None:
        """Close connections, after `run` has ended."""
        await self._connect.aclose()

    def _credentials_of(self, project: str) -> Credentials | None:
        return self._source.credentials_of(project) if self._source else None


def scope_of(arguments: Arguments) -> Scope:
    """Which bindings the arguments ask for.

    Raises:
        ProfilesError: the file of profiles cannot be used.
    """
    try:
        profiles = profiles_from(arguments.profiles)
    except ValidationError as error:
        raise ProfilesError(explained(f"{arguments.profiles}", error)) from error
    except YAMLError as error:
        raise ProfilesError(not_yaml(f"{arguments.profiles}", error)) from error
    return Scope(arguments.agents, arguments.placement, profiles, arguments.shard)


def _recheck(source: FileSource, evidence: Evidence) -> None:
    """List accounts soon when a call met one that cannot be used."""
    if any(exception.verdict == Verdict.CREDENTIAL_INVALID for exception in evidence.exceptions()):
        source.recheck_accounts()
