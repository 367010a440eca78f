"""Certificates: a small authority of our own, and what it signs. ECDSA on P-256, PEM in and out."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SKEW = timedelta(minutes=5)
"""Certificates begin this much in the past, for clocks that are behind."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate, as far as rotation needs to know it."""

    pem: bytes
    name: str
    issuer: str
    created: datetime
    ends: datetime
    hosts: frozenset[str] = frozenset()

    @classmethod
    def read(cls, pem: bytes) -> Self:
        """Read the first certificate of a PEM text.

        Raises:
            ValueError: there is none.
        """
        read = x509.load_pem_x509_certificate(pem)
        return cls(
            read.public_bytes(serialization.Encoding.PEM),
            read.subject.rfc4514_string(),
            read.issuer.rfc4514_string(),
            read.not_valid_before_utc + SKEW,
            read.not_valid_after_utc,
            _hosts(read),
        )

    @classmethod
    def read_all(cls, pem: bytes) -> tuple[Self, ...]:
        """Read every certificate of a PEM text.

        Raises:
            ValueError: there is none.
        """
        found = x509.load_pem_x509_certificates(pem)
        return tuple(cls.read(each.public_bytes(serialization.Encoding.PEM)) for each in found)

    def is_ripe(self, now: datetime) -> bool:
        """Whether two thirds of its life have passed: time to renew it."""
        return now >= self.created + (self.ends - self.created) * (2 / 3)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key (PEM)."""

    certificate: Certificate
    key: bytes = field(repr=False)


def authority(now: datetime, lifetime: timedelta) -> Pair:
    """Make a new authority; its name holds its serial, so that two can be told apart."""
    key, serial = ec.generate_private_key(ec.SECP256R1()), x509.random_serial_number()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"pipewise-webhook-ca-{serial:x}"[:64])])
    usage = {
        "digital_signature": True,
        "key_cert_sign": True,
        "crl_sign": True,
        "content_commitment": False,
        "key_encipherment": False,
        "data_encipherment": False,
        "key_agreement": False,
        "encipher_only": False,
        "decipher_only": False,
    }
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    built = (
        _draft(name, name, now, lifetime)
        .serial_number(serial)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(Certificate.read(_pem(built)), _key_pem(key))


def signed(by: Pair, hosts: Sequence[str], now: datetime, lifetime: timedelta) -> Pair:
    """Make a certificate for these host names and IP addresses.

    Raises:
        ValueError: the authority's key cannot be read.
    """
    authority_key = serialization.load_pem_private_key(by.key, password=None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key is not one of ours: it is not on an elliptic curve")  # noqa: TRY004 - a bad value
    issuer = x509.load_pem_x509_certificate(by.certificate.pem)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pipewise-webhook")])
    extensions: tuple[x509.ExtensionType, ...] = (
        x509.BasicConstraints(ca=False, path_length=None),
        x509.SubjectAlternativeName([_general(host) for host in hosts]),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
    )
    draft = _draft(name, issuer.subject, now, lifetime).serial_number(x509.random_serial_number())
    for extension in extensions:
        draft = draft.add_extension(extension, critical=False)
    built = draft.public_key(key.public_key()).sign(authority_key, hashes.SHA256())
    return Pair(Certificate.read(_pem(built)), _key_pem(key))


def _draft(name: x509.Name, issuer: x509.Name, now: datetime, lifetime: timedelta) -> x509.CertificateBuilder:
    begin = now.astimezone(UTC).replace(microsecond=0)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer)
    return builder.not_valid_before(begin - SKEW).not_valid_after(begin + lifetime)


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _hosts(certificate: x509.Certificate) -> frozenset[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = (str(each) for each in names.get_values_for_type(x509.IPAddress))
    return frozenset((*names.get_values_for_type(x509.DNSName), *addresses))


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
