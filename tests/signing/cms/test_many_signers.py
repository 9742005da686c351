"""R85: several signers, lists carried along, and quirks that are read and told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from signing.cms import (
    CmsError,
    Dialect,
    SignerSpec,
    build_multi_signed_data,
    build_signed_data,
    parse_signed_data,
    verify_signed_data,
)
from signing.pki import Reason, RevocationData, Revoked, build_crl
from signing.sm import check_der, der, der_to_raw
from signing.verdict import Outcome
from tests.support.certificates import TestPki

CONTENT = b"content"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def pki() -> TestPki:
    return TestPki()


@pytest.mark.parametrize("dialect", ["rfc5652", "gbt35275"])
@pytest.mark.parametrize("detached", [False, True])
def test_two_signers_stand_by_themselves(pki: TestPki, dialect: Dialect, detached: bool) -> None:
    other = TestPki()
    data = build_multi_signed_data(
        CONTENT,
        [SignerSpec(pki.staff_key, pki.staff), SignerSpec(other.staff_key, other.staff, attributes=True)],
        chain=[pki.ca, other.ca],
        dialect=dialect,
        detached=detached,
    )
    check_der(data)
    results = verify_signed_data(data, content=CONTENT, anchors=[pki.root], at=pki.now)
    outcomes = {result.certificate: result.outcome for result in results}
    assert outcomes[pki.staff] < Outcome.WARNING
    assert outcomes[other.staff] is Outcome.UNDECIDED
    changed = verify_signed_data(
        data.replace(CONTENT, b"CONTENT"), content=b"CONTENT", anchors=[pki.root, other.root], at=pki.now
    )
    assert [result.outcome for result in changed] == [Outcome.FAIL] * 2


def test_mixed_algorithms_in_one_message(pki: TestPki) -> None:
    rsa, curve = TestPki("rsa"), TestPki("ec-p256")
    families = (pki, rsa, curve)
    data = build_multi_signed_data(
        CONTENT,
        [SignerSpec(each.staff_key, each.staff, signing_time=each.now) for each in families],
        chain=[each.ca for each in families],
    )
    assert len(parse_signed_data(data).digest_algorithms) == 2
    results = verify_signed_data(data, anchors=[each.root for each in families])
    assert [result.outcome < Outcome.WARNING for result in results] == [True] * 3


def test_no_signer_is_no_message() -> None:
    with pytest.raises(CmsError, match="no-signer"):
        build_multi_signed_data(CONTENT, [])


def test_lists_inside_are_used_when_revocation_is_asked_for(pki: TestPki) -> None:
    def crl(*revoked: Revoked) -> bytes:
        return build_crl(
            issuer=pki.ca,
            issuer_signer=pki.ca_key,
            number=1,
            this_update=pki.now - DAY,
            next_update=pki.now + DAY,
            revoked=revoked,
        )

    lost = Revoked(pki.staff.serial, pki.now - DAY, Reason.KEY_COMPROMISE)
    of_root = build_crl(
        issuer=pki.root,
        issuer_signer=pki.root_key,
        number=1,
        this_update=pki.now - DAY,
        next_update=pki.now + DAY,
    )
    for carried, outcome in ((crl(), Outcome.PASS), (crl(lost), Outcome.FAIL)):
        data = build_multi_signed_data(
            CONTENT, [SignerSpec(pki.staff_key, pki.staff)], chain=[pki.ca], crls=[carried, of_root]
        )
        assert set(parse_signed_data(data).crls) == {carried, of_root}
        (result,) = verify_signed_data(data, anchors=[pki.root], at=pki.now, revocation=RevocationData())
        assert result.outcome is outcome, [check.text("en") for check in result.checks]
        (without,) = verify_signed_data(data, anchors=[pki.root], at=pki.now)
        assert without.outcome < Outcome.WARNING
        (strict,) = verify_signed_data(data, anchors=[pki.root], at=pki.now, strict=True)
        assert strict.outcome is Outcome.FAIL


def quirky(data: bytes, old: bytes, new: bytes) -> bytes:
    """`data` with one field exchanged and every length around it written again."""
    assert data.count(old) == 1
    return _again(der.read_one(data), old, new)


def _again(element: der.Element, old: bytes, new: bytes) -> bytes:
    if element.raw == old:
        return new
    if not element.tag & 0x20:
        return element.raw
    return der.tlv(element.tag, b"".join(_again(part, old, new) for part in element.reader().rest()))


@pytest.mark.parametrize("dialect", ["rfc5652", "gbt35275"])
def test_a_raw_signature_value_is_read_and_told(pki: TestPki, dialect: Dialect) -> None:
    data = build_signed_data(
        CONTENT, signer=pki.staff_key, certificate=pki.staff, chain=[pki.ca], dialect=dialect
    )
    value = parse_signed_data(data).signers[0].signature
    data = quirky(data, der.octet_string(value), der.octet_string(der_to_raw(value)))
    assert parse_signed_data(data).tolerated == ("signature-form",)
    (result,) = verify_signed_data(data, anchors=[pki.root], at=pki.now)
    assert result.outcome is Outcome.NOTE
    assert "cms.tolerated" in {check.reason for check in result.checks}
    (strict,) = verify_signed_data(data, anchors=[pki.root], at=pki.now, strict=True)
    assert strict.outcome is Outcome.FAIL


def test_the_other_dialect_s_algorithm_is_told(pki: TestPki) -> None:
    data = build_signed_data(
        CONTENT, signer=pki.staff_key, certificate=pki.staff, chain=[pki.ca], dialect="gbt35275"
    )
    outer = der.oid("1.2.156.10197.6.1.4.2.2")
    assert parse_signed_data(data).tolerated == ()
    rfc = quirky(data, outer, der.oid("1.2.840.113549.1.7.2"))
    assert parse_signed_data(rfc).tolerated == ("mixed-dialects", "signature-algorithm")
    (result,) = verify_signed_data(rfc, anchors=[pki.root], at=pki.now)
    assert result.outcome is Outcome.NOTE
