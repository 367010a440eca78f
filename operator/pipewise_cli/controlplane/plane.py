"""The embedded control plane: etcd and kube-apiserver on loopback, for the demo and the tests."""

import ssl
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from . import flags
from .addresses import LOOPBACK, free_ports
from .api import Api, ApiError
from .binaries import Binaries
from .credentials import ADMIN_GROUP, User, kubeconfig, signing_key, token_file, write_private
from .definitions import install_definitions
from .errors import StartError
from .folder import Folder
from .interrupts import uninterrupted
from .process import Process
from .waiting import wait_until

_READY_WITHIN_SECONDS = 60.0


class ControlPlane:
    """A real Kubernetes API server and its etcd; a context manager that leaves nothing behind.

    There is no controller-manager: nothing collects children of deleted owners, namespaces stay Terminating.

    Args:
        binaries: the programs, from `find_binaries`.
        users: further users whose tokens the API server accepts; they have the rights that RBAC gives them.
    """

    def __init__(self, binaries: Binaries, users: Sequence[User] = ()) -> None:
        self.binaries = binaries
        self.admin = User("admin", (ADMIN_GROUP,))
        self.users = tuple(users)
        self._cleanup = ExitStack()
        self._folder: Path
        self._etcd: Process
        self._apiserver: Process

    def __enter__(self) -> Self:
        """Start both programs and wait until the API server is ready."""
        with ExitStack() as cleanup:
            with uninterrupted():
                self._folder = cleanup.enter_context(Folder()).path
            self._prepare()
            for process in (self._etcd, self._apiserver):
                cleanup.callback(process.stop)
                process.start()
            self._wait_until_ready()
            write_private(self.kubeconfig, self.kubeconfig_text(self.token))
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        """Stop both programs and remove their files."""
        self._cleanup.close()

    @property
    def url(self) -> str:
        """The API server's URL."""
        return f"https://{LOOPBACK}:{self._port}"

    @property
    def token(self) -> str:
        """The administrator's token."""
        return self.admin.token

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig file."""
        return self._folder / "kubeconfig"

    @property
    def authority(self) -> Path:
        """The certificate (PEM) that vouches for the API server."""
        return self._folder / "certificates" / "apiserver.crt"

    @property
    def audit_log(self) -> Path:
        """JSON lines: one for each write of an object, with the user, the verb and the object's name."""
        return self._folder / "audit.log"

    @property
    def api(self) -> Api:
        """A client with the administrator's rights."""
        return self.api_as(self.token)

    def api_as(self, token: str) -> Api:
        """A client with the rights of a token's holder."""
        return Api(self.url, token, ssl.create_default_context(cafile=str(self.authority)))

    def kubeconfig_text(self, token: str, namespace: str = "default") -> str:
        """A kubeconfig for the holder of a token, such as one of `users` or a service account."""
        return kubeconfig(self.url, self.authority.read_bytes(), token, namespace)

    def install_definitions(self) -> None:
        """Install the CRDs of our three kinds and wait until they are served."""
        install_definitions(self.api)

    def kill_apiserver(self) -> None:
        """Let the API server crash; etcd and so all objects stay."""
        self._apiserver.kill()

    def restart_apiserver(self) -> None:
        """Start the API server again, on the same port, and wait until it is ready."""
        self._apiserver.stop()
        self._apiserver.start()
        self._wait_until_ready()

    def _prepare(self) -> None:
        etcd_port, peer_port, self._port = free_ports(3)
        paths = flags.Paths(self._folder)
        write_private(paths.tokens, token_file((self.admin, *self.users)))
        write_private(paths.signing_key, signing_key())
        paths.audit_policy.write_text(flags.AUDIT_POLICY)
        self._etcd = Process(
            (self.binaries.etcd, *flags.etcd(paths, etcd_port, peer_port)), self._folder / "etcd.log"
        )
        self._apiserver = Process(
            (self.binaries.apiserver, *flags.apiserver(paths, etcd_port, self._port)),
            self._folder / "apiserver.log",
        )

    def _wait_until_ready(self) -> None:
        ready = wait_until(self._is_ready, _READY_WITHIN_SECONDS)
        if not ready:
            raise StartError(
                f"kube-apiserver is not ready after {_READY_WITHIN_SECONDS:.0f} s; the end of its log:\n"
                f"{self._apiserver.log_tail()}"
            )

    def _is_ready(self) -> bool:
        for process in (self._etcd, self._apiserver):
            if not process.is_running:
                raise StartError(f"{process.name} ended; the end of its log:\n{process.log_tail()}")
        if not self.authority.exists():
            return False
        try:
            self.api.request("GET", "/readyz")
        except (ApiError, OSError):
            return False
        return True
