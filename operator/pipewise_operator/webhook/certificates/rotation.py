"""What of the certificates is due, so that at no moment one is served that the API server does not trust.

A new authority is first only trusted; after `overlap`, when every API server has heard of it, it signs the
certificate; after another, the old one is trusted no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from .authority import Certificate, Pair, authority, signed

AUTHORITIES, AUTHORITY_KEY, CERTIFICATE, KEY = "ca.crt", "ca.key", "tls.crt", "tls.key"
"""The keys of the Secret."""


@dataclass(frozen=True, slots=True)
class Policy:
    """For whom certificates are made, and for how long."""

    hosts: tuple[str, ...]
    authority_lifetime: timedelta = timedelta(days=365)
    certificate_lifetime: timedelta = timedelta(days=30)
    overlap: timedelta = timedelta(minutes=10)
    """What may pass until every API server and every replica knows of a change."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """All that the replicas share."""

    authorities: tuple[Certificate, ...]
    """Those to trust, the newest first; it signs."""
    authority_key: bytes = field(repr=False)
    serving: Pair

    @classmethod
    def read(cls, data: Mapping[str, bytes]) -> Self:
        """Read the Secret.

        Raises:
            ValueError: it does not hold what was written there.
        """
        if missing := {AUTHORITIES, AUTHORITY_KEY, CERTIFICATE, KEY} - data.keys():
            raise ValueError(f"{', '.join(sorted(missing))} missing")
        serving = Pair(Certificate.read(data[CERTIFICATE]), data[KEY])
        return cls(Certificate.read_all(data[AUTHORITIES]), data[AUTHORITY_KEY], serving)

    @property
    def trusted(self) -> bytes:
        """The authorities as one PEM text: the API server's caBundle."""
        return b"".join(each.pem for each in self.authorities)

    def data(self) -> dict[str, bytes]:
        """The Secret's content."""
        return {
            AUTHORITIES: self.trusted,
            AUTHORITY_KEY: self.authority_key,
            CERTIFICATE: self.serving.certificate.pem,
            KEY: self.serving.key,
        }


def fresh(policy: Policy, now: datetime) -> Bundle:
    """Everything new, for the first time."""
    newest = authority(now, policy.authority_lifetime)
    serving = signed(newest, policy.hosts, now, policy.certificate_lifetime)
    return Bundle((newest.certificate,), newest.key, serving)


def renewed(bundle: Bundle, policy: Policy, now: datetime) -> Bundle:
    """The bundle with what is due done; the same when nothing is.

    Raises:
        ValueError: the authority's key cannot be read.
    """
    newest = Pair(bundle.authorities[0], bundle.authority_key)
    authorities, serving = bundle.authorities, bundle.serving
    if newest.certificate.is_ripe(now):
        newest = authority(now, policy.authority_lifetime)
        authorities = (newest.certificate, *authorities)
    if _is_due(serving.certificate, authorities, policy, now):
        serving = signed(newest, policy.hosts, now, policy.certificate_lifetime)
    authorities = tuple(
        each
        for each in authorities
        if each == newest.certificate or _is_needed(each, serving.certificate, policy, now)
    )
    if (authorities, serving) == (bundle.authorities, bundle.serving):
        return bundle
    return Bundle(authorities, newest.key, serving)


def _is_due(
    serving: Certificate, authorities: tuple[Certificate, ...], policy: Policy, now: datetime
) -> bool:
    newest = authorities[0]
    issuer = next((each for each in authorities if each.name == serving.issuer), None)
    if issuer is None or now >= min(serving.ends, issuer.ends):
        return True  # nobody can trust it: nothing to lose
    if issuer == newest:
        return serving.is_ripe(now) or serving.hosts != frozenset(policy.hosts)
    return now >= newest.created + policy.overlap


def _is_needed(old: Certificate, serving: Certificate, policy: Policy, now: datetime) -> bool:
    """Whether some replica may still serve a certificate of an old authority."""
    if now >= old.ends:
        return False
    return serving.issuer == old.name or now < serving.created + policy.overlap
