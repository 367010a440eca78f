"""Rotation: what is served is trusted at every moment, by replicas and API servers that lag behind."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipewise_operator.webhook.certificates.authority import Certificate, Pair, signed
from pipewise_operator.webhook.certificates.rotation import Bundle, Policy, fresh, renewed
from pipewise_operator.webhook.certificates.serving import ServingTLS

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = Policy(("webhook.pipewise.svc", "127.0.0.1"))
SHORT = Policy(("127.0.0.1",), timedelta(seconds=150), timedelta(seconds=60), timedelta(seconds=8))


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def test_nothing_is_renewed_before_it_is_due() -> None:
    bundle = fresh(POLICY, BEGIN)
    assert renewed(bundle, POLICY, BEGIN + timedelta(days=19)) is bundle
    assert bundle.serving.certificate.hosts == set(POLICY.hosts)


def test_a_certificate_is_renewed_at_two_thirds_of_its_life_by_the_same_authority() -> None:
    bundle = fresh(POLICY, BEGIN)
    later = renewed(bundle, POLICY, BEGIN + timedelta(days=20, minutes=1))
    assert later.authorities == bundle.authorities
    assert later.serving != bundle.serving
    assert later.serving.certificate.ends == BEGIN + timedelta(days=50, minutes=1)


def test_other_hosts_make_another_certificate_at_once() -> None:
    bundle = fresh(POLICY, BEGIN)
    moved = Policy(("elsewhere.svc",))
    assert renewed(bundle, moved, BEGIN).serving.certificate.hosts == {"elsewhere.svc"}


def test_a_new_authority_is_trusted_first_signs_later_and_ends_the_old_one_last() -> None:
    bundle = fresh(POLICY, BEGIN)
    (old,) = bundle.authorities
    ripe = BEGIN + timedelta(days=244)
    trusted = renewed(renewed(bundle, POLICY, ripe - timedelta(days=1)), POLICY, ripe)
    new = trusted.authorities[0]
    assert trusted.authorities == (new, old)
    assert trusted.serving.certificate.issuer == old.name
    signing = renewed(trusted, POLICY, ripe + POLICY.overlap)
    assert signing.serving.certificate.issuer == new.name
    assert signing.authorities == (new, old)
    assert renewed(signing, POLICY, ripe + 2 * POLICY.overlap).authorities == (new,)


def test_after_years_without_anybody_looking_everything_is_new() -> None:
    bundle = fresh(POLICY, BEGIN)
    now = BEGIN + timedelta(days=3000)
    later = renewed(bundle, POLICY, now)
    assert [each.ends > now for each in later.authorities] == [True]
    assert later.serving.certificate.issuer == later.authorities[0].name


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.integers(1, 3), min_size=80, max_size=250))
def test_whoever_lags_behind_by_less_than_the_overlap_still_trusts_what_is_served(steps: list[int]) -> None:
    now, bundle = BEGIN, fresh(SHORT, BEGIN)
    history: list[tuple[datetime, Bundle]] = [(now, bundle)]
    for step in steps:
        now += seconds(step)
        bundle = renewed(bundle, SHORT, now)
        history.append((now, bundle))
        # What somebody may still know who last looked less than the overlap ago.
        begins = [moment for moment, _ in history if moment <= now - SHORT.overlap]
        alive = [each for moment, each in history if moment > max(begins, default=BEGIN - seconds(1))]
        for serving in (each.serving.certificate for each in alive):
            assert serving.ends > now
            for trusting in alive:
                issuers = [each for each in trusting.authorities if each.name == serving.issuer]
                assert [each.ends > now for each in issuers] == [True]
    assert len(bundle.authorities) <= 2


def test_a_bundle_survives_its_secret() -> None:
    bundle = fresh(POLICY, BEGIN)
    assert Bundle.read(bundle.data()) == bundle


@pytest.mark.parametrize("key", ["ca.crt", "ca.key", "tls.crt", "tls.key"])
def test_a_secret_that_lost_a_part_is_told_apart_from_a_whole_one(key: str) -> None:
    data = fresh(POLICY, BEGIN).data()
    del data[key]
    with pytest.raises(ValueError, match=key):
        Bundle.read(data)


def test_keys_are_not_shown() -> None:
    bundle = fresh(POLICY, BEGIN)
    assert "PRIVATE" not in repr(bundle)


def test_a_key_that_does_not_fit_is_refused_and_the_old_certificate_stays() -> None:
    first, second = fresh(POLICY, BEGIN), fresh(POLICY, BEGIN)
    tls = ServingTLS()
    assert tls.serve(first.serving.certificate.pem, first.serving.key) == first.serving.certificate
    with pytest.raises(ValueError, match="do not fit"):
        tls.serve(second.serving.certificate.pem, first.serving.key)
    assert tls.serve(first.serving.certificate.pem, first.serving.key) is None


def test_garbage_in_place_of_an_authoritys_key_is_a_value_error() -> None:
    bundle = fresh(POLICY, BEGIN)
    with pytest.raises(ValueError, match=r"PEM|key"):
        signed(Pair(bundle.authorities[0], b"garbage"), POLICY.hosts, BEGIN, seconds(60))
    with pytest.raises(ValueError, match=r"PEM"):
        Certificate.read(b"garbage")
