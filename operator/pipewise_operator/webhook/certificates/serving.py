"""The TLS context under the running server: a new certificate is for new connections, old ones go on."""

import ssl
import tempfile
from pathlib import Path

from .authority import Certificate


class ServingTLS:
    """The certificate that is served, replaced without stopping.

    Attributes:
        context: what the server uses.
    """

    def __init__(self) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._served: tuple[bytes, bytes] | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether there is a certificate to serve."""
        return self._served is not None

    def serve(self, certificate: bytes, key: bytes) -> Certificate | None:
        """Serve this certificate (PEM, with its chain) from now on.

        Returns:
            The certificate, or None when it is served already.

        Raises:
            ValueError: it cannot be read, or the key is another's.
        """
        if self._served == (certificate, key):
            return None
        read = Certificate.read(certificate)
        # The ssl module takes files only; these last for the blink of an eye, readable by nobody else.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "serving.pem"
            path.touch(mode=0o600)
            path.write_bytes(key + b"\n" + certificate)
            try:
                self.context.load_cert_chain(path)
            except ssl.SSLError as error:
                raise ValueError(f"certificate and key do not fit: {error.reason}") from error
        self._served = (certificate, key)
        return read
