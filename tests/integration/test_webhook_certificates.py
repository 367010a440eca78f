"""The webhook's own certificates at a real API server: shared, renewed under load, and mended when lost."""

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from pipewise_operator.webhook.certificates.authority import Certificate
from pipewise_operator.webhook.certificates.rotation import Policy, fresh
from support.admitting import admitting, pod, register, registered, trusted, webhook
from support.cluster import Namespace
from support.eventually import eventually_sync


def handshake(url: str, authorities: str) -> Certificate:
    """Connect anew, as an API server that trusts these authorities; what was served."""
    text = base64.b64decode(authorities).decode()
    trust = ssl.create_default_context(cadata=text)
    place = urlsplit(url)
    with (
        socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=5) as plain,
        trust.wrap_socket(plain, server_hostname=place.hostname) as secure,
    ):
        served = secure.getpeercert(binary_form=True)
        assert served
        return Certificate.read(ssl.DER_cert_to_PEM_cert(served).encode())


@contextmanager
def repeated(act: Callable[[], None]) -> Iterator[list[BaseException | None]]:
    """Do something again and again in another thread; a list of how each time ended."""
    ends: list[BaseException | None] = []
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            try:
                act()
                ends.append(None)
            except BaseException as error:  # noqa: BLE001 - told to the test
                ends.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ends
    finally:
        stop.set()
        thread.join()


def test_two_replicas_that_start_at_once_share_one_authority(namespace: Namespace, tmp_path: Path) -> None:
    first, second = webhook(namespace, tmp_path / "a"), webhook(namespace, tmp_path / "b")
    with registered(namespace), first.program, second.program:
        register(namespace, first.url)
        first.wait_until_ready()
        second.wait_until_ready()
        mutating, validating = trusted(namespace)
        assert mutating == validating
        served = [handshake(each.url, mutating) for each in (first, second)]
        assert served[0] == served[1]
        namespace.apply(pod("asked-the-first"))

        # The one that is asked goes; the API server trusts the other as it is.
        register(namespace, second.url)
        first.program.terminate()
        namespace.apply(pod("asked-the-second"))
        assert namespace.get("pod", "asked-the-second")["spec"]["initContainers"]


def test_rotation_of_certificate_and_authority_drops_no_request(namespace: Namespace, tmp_path: Path) -> None:
    times = ("--overlap=2s", "--certificate-lifetime=9s", "--authority-lifetime=15s")
    with admitting(namespace, tmp_path, *times) as made:
        where, manifest = f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod("asking")
        served: dict[bytes, Certificate] = {}

        def ask() -> None:
            answer = namespace.cluster.api.json("POST", where, manifest)
            assert answer["spec"]["initContainers"]

        def connect() -> None:
            certificate = handshake(made.url, trusted(namespace)[0])
            served[certificate.pem] = certificate

        first = trusted(namespace)[0]

        def is_done() -> bool:
            """The first authority is trusted no more, and another signs."""
            text = base64.b64decode(trusted(namespace)[0])
            return base64.b64decode(first) not in text

        with repeated(ask) as asked, repeated(connect) as connected:
            eventually_sync(is_done, within=40)
        assert [each for each in (*asked, *connected) if each] == []
        assert len(asked) > 20
        assert len({each.issuer for each in served.values()}) >= 2
        assert made.metric("pipewise_webhook_certificate_expires_timestamp_seconds") > time.time()


def test_a_lost_secret_and_a_lost_registration_are_mended(namespace: Namespace, tmp_path: Path) -> None:
    with admitting(namespace, tmp_path, "--overlap=2s") as made:
        before = trusted(namespace)
        namespace.kubectl("delete", "secret", "pipewise-webhook")
        eventually_sync(lambda: trusted(namespace)[1] != before[1], within=10)
        eventually_sync(lambda: serves(made.url, trusted(namespace)[0]), within=10)
        kind = "mutatingwebhookconfiguration"
        namespace.cluster.kubectl(
            *("patch", kind, namespace.name, "--type=json", "-p"),
            '[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]',
        )
        eventually_sync(lambda: trusted(namespace)[0] == trusted(namespace)[1], within=10)
        namespace.apply(pod("asking"))


def test_no_private_key_reaches_a_log(namespace: Namespace, tmp_path: Path) -> None:
    with admitting(namespace, tmp_path, "--log-level=debug") as made:
        namespace.apply(pod("asking"))
        assert "PRIVATE" not in made.program.log + made.program.stdout
        assert "certificate_served" in made.program.log


def test_certificates_of_somebody_else_are_read_from_files_and_again_when_they_change(
    namespace: Namespace, tmp_path: Path
) -> None:
    def bring() -> str:
        """Do as cert-manager does; the authority (base64)."""
        bundle = fresh(Policy(("127.0.0.1",)), datetime.now(UTC))
        for name in ("tls.key", "tls.crt"):
            (files / name).write_bytes(bundle.data()[name])
        return base64.b64encode(bundle.trusted).decode()

    files = tmp_path / "tls"
    files.mkdir()
    made = webhook(namespace, tmp_path, "--certificates", str(files))
    with made.program:
        eventually_sync(lambda: "tls.crt" in made.program.log, within=15)
        assert not made.is_ready()
        for _ in range(2):
            authority = bring()
            eventually_sync(lambda trusts=authority: serves(made.url, trusts), within=15)
        assert made.is_ready()


def serves(url: str, authorities: str) -> bool:
    """Whether what is served can be trusted by these authorities."""
    try:
        handshake(url, authorities)
    except (ssl.SSLError, OSError):
        return False
    return True
