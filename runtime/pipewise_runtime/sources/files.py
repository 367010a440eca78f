"""Bindings, projects and client credentials from a folder of YAML files, for a runtime without Kubernetes.

Delivers to the sink. Looks at the files every second for changes; lists accounts as an operator would.
"""

import asyncio
from pathlib import Path

import structlog

from pipewise_crds import AgentMCPBinding, BindingStatus, PipedreamProject, ServiceStatus, Verdict
from pipewise_crds.profiles import Profiles, services_of
from pipewise_runtime.ports import Sink, Tokens, TokenUnavailableError
from pipewise_runtime.served import UNUSABLE, Project, served_project

from .connect import Account, Connect, ConnectError, Credentials, account_status
from .manifests import ManifestError, Manifests, manifests_of
from .roster import Roster, Scope

log = structlog.get_logger()

_LOOK_EVERY_SECONDS = 1.0
_FIRST_RECHECK_SECONDS = 2.0

Fingerprint = dict[Path, tuple[int, int]]


class FileSource:
    """Delivers a folder's bindings and projects to the sink.

    Args:
        folder: where the *.yaml and *.yml files are.
        scope: which bindings are this runtime's.
        sink: where to deliver.
        connect: the client that lists accounts.
    """

    def __init__(self, folder: Path, scope: Scope, sink: Sink, connect: Connect) -> None:
        self._folder = folder
        self._sink = sink
        self._connect = connect
        self._profiles = scope.profiles
        self._roster = Roster(scope, sink)
        self._manifests = Manifests()
        self._projects: dict[str, Project] = {}
        self._credentials: dict[str, Credentials | None] = {}
        self._accounts: dict[str, list[Account]] = {}
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._recheck = asyncio.Event()
        self._seen: Fingerprint = {}
        self.looks = 0
        """How often the folder was looked at."""

    def load(self) -> None:
        """Read the folder for the first time.

        Raises:
            ManifestError: the folder is not there or one of its files cannot be used.
        """
        self._seen = _fingerprint(self._folder)
        self._take(manifests_of(_texts(self._seen)))

    async def run(self, tokens: Tokens) -> None:
        """Follow the folder and list accounts until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._poll_accounts(group, tokens)
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
                self._look()

    def credentials_of(self, project: str) -> Credentials | None:
        """The client credentials of a project; None where the project or its Secret is missing."""
        if project not in self._credentials:
            self._credentials[project] = self._read_credentials(project)
        return self._credentials[project]

    def _read_credentials(self, project: str) -> Credentials | None:
        found = self._manifests.projects.get(project)
        if found is None:
            return None
        spec, reference = found.spec, found.spec.credentials_secret_ref
        secret = self._manifests.secrets.get(reference.name, {})
        client_id, client_secret = (
            secret.get(reference.client_id_key),
            secret.get(reference.client_secret_key),
        )
        if not client_id or not client_secret:
            return None
        return Credentials(spec.endpoints.api, spec.project_id, spec.environment, client_id, client_secret)

    def recheck_accounts(self) -> None:
        """List the accounts again soon: a call met an account that cannot be used."""
        self._recheck.set()
        self._recheck = asyncio.Event()

    def _look(self) -> None:
        """Take up changed files; if one of them cannot be used, what was served stays."""
        self.looks += 1
        try:
            now = _fingerprint(self._folder)
            if now == self._seen:
                return
            self._seen = now
            self._take(manifests_of(_texts(now)))
        except ManifestError as error:
            log.error("files_invalid", folder=str(self._folder), error=str(error))  # noqa: TRY400 - it says all
        else:
            log.info("files_loaded", folder=str(self._folder), bindings=len(self._roster))

    def _take(self, manifests: Manifests) -> None:
        self._manifests = manifests
        self._credentials.clear()
        for name in self._projects.keys() - manifests.projects.keys():
            del self._projects[name]
            self._accounts.pop(name, None)
            self._sink.drop_project(name)
        for project in manifests.projects.values():
            served = served_project(project)
            if self._projects.get(served.name) != served:
                self._projects[served.name] = served
                self._sink.serve_project(served)
            limits = project.spec.limits  # nobody divides them here: the whole is this runtime's share
            self._sink.share(served.name, limits.tool_runs, limits.window.total_seconds())
        for binding in manifests.bindings.values():
            self._put(binding)
        self._roster.keep_only(manifests.bindings)

    def _put(self, binding: AgentMCPBinding) -> bool:
        """Take up a binding with its accounts; whether they can be used, as far as is known."""
        status = _status(binding, self._profiles, self._accounts.get(binding.spec.project_ref))
        self._roster.put(binding.model_copy(update={"status": status}))
        return not any(service.account.state in UNUSABLE for service in status.services)

    def _poll_accounts(self, group: asyncio.TaskGroup, tokens: Tokens) -> None:
        """Let one task list the accounts of each project."""
        for name in self._polls.keys() - self._manifests.projects.keys():
            self._polls.pop(name).cancel()
        for name in self._manifests.projects.keys() - self._polls.keys():
            self._polls[name] = group.create_task(self._poll(name, tokens), name=f"accounts of {name}")

    async def _poll(self, name: str, tokens: Tokens) -> None:
        pause = _FIRST_RECHECK_SECONDS
        while True:
            project = self._manifests.projects[name]
            is_settled = await self._list(project, tokens)
            most = project.spec.account_poll_interval.total_seconds()
            wait, pause = (most, _FIRST_RECHECK_SECONDS) if is_settled else (min(pause, most), pause * 2)
            try:
                async with asyncio.timeout(wait):  # wait_for of Python 3.11 may swallow the word to end
                    await self._recheck.wait()
            except TimeoutError:
                continue
            pause = _FIRST_RECHECK_SECONDS

    async def _list(self, project: PipedreamProject, tokens: Tokens) -> bool:
        """List a project's accounts; whether all that are needed can be used."""
        name = project.metadata.name
        credentials = self.credentials_of(name)
        try:
            token = await tokens.current(name)
            accounts = await self._connect.accounts(credentials, token) if credentials else []
        except (ConnectError, TokenUnavailableError) as error:
            log.warning("accounts_not_listed", project=name, error=str(error))
            return False
        self._accounts[name] = accounts
        bindings = [each for each in self._manifests.bindings.values() if each.spec.project_ref == name]
        usable = [self._put(binding) for binding in bindings]
        return all(usable)


def _status(binding: AgentMCPBinding, profiles: Profiles, accounts: list[Account] | None) -> BindingStatus:
    """The part of a status that the call path reads: the accounts, as an operator would tell them."""
    if accounts is None:
        return BindingStatus()
    services = [
        ServiceStatus(
            name=service.name,
            app=service.app,
            verdict=Verdict.UNKNOWN,
            account=account_status(service, binding.spec.user, accounts),
        )
        for service in services_of(binding.spec, profiles) or ()
    ]
    return BindingStatus(services=services)


def _fingerprint(folder: Path) -> Fingerprint:
    """The files there are, with when they changed and their sizes."""
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}
    except OSError as error:
        raise ManifestError(f"{folder} cannot be read: {error.strerror}") from error


def _texts(files: Fingerprint) -> dict[str, str]:
    try:
        return {path.name: path.read_text() for path in files}
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"a file cannot be read: {error}") from error
