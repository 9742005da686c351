"""R60: SignedData in both dialects, three algorithms, attached and detached, each failure by its name."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from pathlib import Path

import pytest

from signing.cms import CmsError, SignerResult, build_signed_data, oids, parse_signed_data, verify_signed_data
from signing.pki import Profile, digest
from signing.pki.oids import RSA_ENCRYPTION, SHA256, SM3
from signing.sm import check_der, der
from signing.tsp import token_verifier
from signing.verdict import CheckName, Outcome
from tests.support.certificates import NOON, TestPki, new_signer

CONTENT = "麻醉知情同意书".encode()


@pytest.fixture(scope="module", params=["sm2", "rsa", "ec-p256"])
def pki(request: pytest.FixtureRequest) -> TestPki:
    return TestPki(request.param)


@pytest.fixture(scope="module")
def sm2() -> TestPki:
    return TestPki()


def build(pki: TestPki, **options: object) -> bytes:
    """A message of the staff member over CONTENT."""
    settings: dict[str, object] = {
        "signer": pki.staff_key,
        "certificate": pki.staff,
        "chain": [pki.ca],
        "signing_time": NOON,
    }
    return build_signed_data(CONTENT, **(settings | options))  # type: ignore[arg-type]


def verify(pki: TestPki, message: bytes, **options: object) -> SignerResult:
    """The one result, strictly, as of NOON, with the time stamp verified."""
    settings: dict[str, object] = {
        "anchors": [pki.root],
        "strict": True,
        "at": NOON,
        "timestamp_verifier": token_verifier([pki.root], strict=True),
    }
    (result,) = verify_signed_data(message, **(settings | options))  # type: ignore[arg-type]
    return result


def reasons(result: SignerResult, least: Outcome = Outcome.WARNING) -> list[str]:
    return [check.reason for check in result.checks if check.outcome >= least]


@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("stamped", [False, True])
def test_round_trip(pki: TestPki, detached: bool, stamped: bool) -> None:
    stamp = pki.authority().stamp if stamped else None
    message = build(pki, detached=detached, timestamp=stamp)
    check_der(message)
    result = verify(pki, message, content=CONTENT if detached else None)
    assert reasons(result) == []
    assert (result.certificate, result.signing_time) == (pki.staff, NOON)
    assert (result.timestamp_token is not None) is stamped
    names = {check.name for check in result.checks if check.outcome is Outcome.PASS}
    assert {CheckName.DATA_HASH, CheckName.SIGNATURE_VALUE, CheckName.CERTIFICATE_PATH} <= names
    assert (CheckName.TIME_STAMP in names) is stamped


@pytest.mark.parametrize("attributes", [None, True, False])
@pytest.mark.parametrize("detached", [False, True])
def test_gbt35275(sm2: TestPki, attributes: bool | None, detached: bool) -> None:
    """Without attributes the content itself is signed, as CFCA's toolkit does."""
    message = build(sm2, dialect="gbt35275", attributes=attributes, detached=detached, signing_time=None)
    parsed = parse_signed_data(message)
    assert (parsed.dialect, parsed.version, parsed.content_type) == ("gbt35275", 1, oids.GM_DATA)
    assert (parsed.signers[0].signed_attributes_der is not None) is bool(attributes)
    assert reasons(verify(sm2, message, content=CONTENT if detached else None)) == []
    changed = verify(sm2, message, content=CONTENT + b"!")
    assert changed.outcome is Outcome.FAIL
    expected = "cms.digest-wrong" if attributes else "cms.signature-wrong"
    assert expected in reasons(changed)


def test_what_is_signed_is_bound(pki: TestPki) -> None:
    """contentType, messageDigest, signingTime, signingCertificateV2, CMSAlgorithmProtection."""
    parsed = parse_signed_data(build(pki))
    algorithm = SM3 if pki.algorithm == "sm2" else SHA256
    assert parsed.digest_algorithms == (algorithm,)
    attributes = parsed.signers[0].signed_attributes
    assert set(attributes) == {
        oids.CONTENT_TYPE,
        oids.MESSAGE_DIGEST,
        oids.SIGNING_TIME,
        oids.SIGNING_CERTIFICATE_V2,
        oids.ALGORITHM_PROTECTION,
    }
    assert attributes[oids.MESSAGE_DIGEST] == (der.octet_string(digest(algorithm, CONTENT)),)
    assert set(parsed.certificates) == {pki.staff, pki.ca}


def test_content_by_digest(pki: TestPki) -> None:
    """A PDF's byte range is hashed elsewhere; the message is the same but for the time of day."""
    algorithm = SM3 if pki.algorithm == "sm2" else SHA256
    message = build_signed_data(
        None,
        signer=pki.staff_key,
        certificate=pki.staff,
        chain=[pki.ca],
        detached=True,
        content_digest=digest(algorithm, CONTENT),
    )
    assert reasons(verify(pki, message, content=CONTENT)) == []


def test_more_attributes(pki: TestPki) -> None:
    message = build(pki, signed_attributes=[("2.25.5", der.utf8_string("床旁"))])
    result = verify(pki, message)
    assert reasons(result) == []
    assert result.signer.signed_attributes["2.25.5"] == (der.utf8_string("床旁"),)


def test_wrong_calls_are_refused(sm2: TestPki) -> None:
    rsa = TestPki("rsa")
    for options, code in (
        ({"signer": new_signer()}, "cms.key-mismatch"),
        ({"signer": rsa.staff_key, "certificate": rsa.staff, "dialect": "gbt35275"}, "cms.wrong-dialect"),
    ):
        with pytest.raises(CmsError) as caught:
            build(sm2, **options)
        assert caught.value.code == code
    for more in ({}, {"content_digest": bytes(32)}):
        with pytest.raises(CmsError) as caught:
            build_signed_data(None, signer=sm2.staff_key, certificate=sm2.staff, **more)  # type: ignore[arg-type]
        assert caught.value.code == "cms.content-missing"
    with pytest.raises(CmsError) as caught:
        verify(sm2, build(sm2, detached=True))
    assert caught.value.code == "cms.content-missing"


def test_changed_content(pki: TestPki) -> None:
    changed = build(pki).replace(CONTENT, CONTENT[::-1])
    assert reasons(verify(pki, changed)) == ["cms.digest-wrong"]
    assert "cms.content-differs" in reasons(verify(pki, build(pki), content=CONTENT + b"!"))


def test_a_foreign_certificate_of_the_same_name_is_noticed(sm2: TestPki) -> None:
    """signingCertificateV2: the same key in another certificate is not the one that signed."""
    other = sm2.issue(Profile.STAFF_SIGN, "李医生", sm2.staff_key)
    while len(other.der) != len(sm2.staff.der):  # r or s may be an octet shorter
        other = sm2.issue(Profile.STAFF_SIGN, "李医生", sm2.staff_key)
    message = parse_signed_data(build(sm2, detached=True))
    signer = message.signers[0]
    swapped = message.der.replace(sm2.staff.der, other.der).replace(
        der.sequence(sm2.staff.issuer_der, der.integer(sm2.staff.serial)) + der.sequence(der.oid(SM3)),
        der.sequence(other.issuer_der, der.integer(other.serial)) + der.sequence(der.oid(SM3)),
    )
    assert signer.names(sm2.staff)
    assert "cms.other-certificate" in reasons(verify(sm2, swapped, content=CONTENT, strict=False))


def test_without_a_certificate_it_is_undecided(sm2: TestPki) -> None:
    message = build(sm2, embed_certificates=False)
    result = verify(sm2, message)
    assert (result.outcome, result.certificate) == (Outcome.UNDECIDED, None)
    found = verify(sm2, message, extra_certificates=[sm2.staff, sm2.ca], strict=False)
    assert reasons(found) == []


def test_without_an_anchor_it_is_undecided(sm2: TestPki) -> None:
    result = verify(sm2, build(sm2), anchors=[])
    assert (result.outcome, reasons(result)) == (Outcome.UNDECIDED, ["pki.no-anchor"])


def test_a_time_stamp_nobody_verified_is_undecided(sm2: TestPki) -> None:
    message = build(sm2, timestamp=sm2.authority().stamp)
    assert reasons(verify(sm2, message, timestamp_verifier=None)) == ["cms.time-stamp-not-checked"]


def test_a_time_stamp_for_another_signature(sm2: TestPki) -> None:
    stamp = sm2.authority().token(b"another")
    assert reasons(verify(sm2, build(sm2, timestamp=lambda _: stamp))) == ["tsp.imprint-wrong"]


def test_times(sm2: TestPki) -> None:
    """The time stamp decides; the claim must fit to it and to the certificate."""
    late = build(sm2, signing_time=NOON + timedelta(minutes=6), timestamp=sm2.authority().stamp)
    assert reasons(verify(sm2, late, at=None)) == ["cms.signed-after-stamp"]
    expired = sm2.staff.not_after + timedelta(days=1)
    outside = build(sm2, signing_time=expired)
    assert reasons(verify(sm2, outside, at=None)) == ["pki.expired", "cms.signed-outside-validity"]
    stamped = verify(sm2, build(sm2, timestamp=sm2.authority().stamp), at=None)
    assert stamped.timestamp is not None
    assert stamped.timestamp.gen_time == NOON
    assert reasons(stamped) == []


def test_a_stamp_after_the_certificate_s_end(sm2: TestPki) -> None:
    """R29: an event certificate lives a day; a stamp of the next one proves nothing, as of whatever time."""
    key = new_signer()
    event = sm2.event(key)
    next_day = sm2.authority(clock=lambda: NOON + timedelta(days=1))
    message = build(sm2, signer=key, certificate=event, timestamp=next_day.stamp)
    assert reasons(verify(sm2, message)) == ["cms.stamped-outside-validity"]
    assert "pki.expired" in reasons(verify(sm2, message, at=None))


def test_usage(sm2: TestPki) -> None:
    key = new_signer()
    encryption = sm2.issue(Profile.ENCRYPTION, "enc", key)
    message = build(sm2, signer=key, certificate=encryption)
    assert reasons(verify(sm2, message)) == ["pki.wrong-usage"]


def test_mixed_dialects_are_read(sm2: TestPki) -> None:
    """GB/T 35275 signature OID inside an RFC 5652 message, as some toolkits write."""
    message = build(sm2, dialect="gbt35275", attributes=False, signing_time=None, detached=True)
    inner = der.read_sequence(message)
    inner.take()
    mixed = der.sequence(der.oid(oids.SIGNED_DATA), inner.take().raw)
    assert parse_signed_data(mixed).dialect == "rfc5652"
    assert reasons(verify(sm2, mixed, content=CONTENT, strict=False)) == []


def test_unordered_attributes_are_accepted_but_not_strictly(sm2: TestPki) -> None:
    """Some signers sign the attributes in the order of writing, some store them unordered."""
    parsed = parse_signed_data(build(sm2, detached=True))
    stored = parsed.signers[0].signed_attributes_der
    assert stored
    attributes = [element.raw for element in der.read_one(stored).reader().rest()]
    shuffled = b"".join(reversed(attributes))
    message = parsed.der.replace(b"".join(attributes), shuffled)
    assert reasons(verify(sm2, message, content=CONTENT, strict=False)) == []
    assert reasons(verify(sm2, message, content=CONTENT)) == ["cms.strict-form"]


def test_rsa_with_the_key_s_own_oid() -> None:
    """Most signers write rsaEncryption; the hash is then that of digestAlgorithm."""
    pki = TestPki("rsa")
    message = build(pki, attributes=False, signing_time=None)
    old = der.sequence(der.oid("1.2.840.113549.1.1.11"), der.null())
    at = message.rindex(old)
    new = der.sequence(der.oid(RSA_ENCRYPTION), der.null())
    swapped = message[:at] + new + message[at + len(old) :]
    assert len(old) == len(new)
    assert reasons(verify(pki, swapped, strict=False)) == []
    assert reasons(verify(pki, swapped)) == ["cms.strict-form"]


def test_the_vector_of_a_ca_s_toolkit(shared_testdata: Path) -> None:
    """CFCA SADK by way of gmsm: GB/T 35275 without attributes."""
    data = (shared_testdata / "gm" / "gmsm" / "cfca_pkcs7_sign_test__sadkSignedData_00.der").read_bytes()
    parsed = parse_signed_data(data)
    assert (parsed.dialect, parsed.content) == ("gbt35275", b"Hello Secret World!")
    certificate = parsed.certificates[0]
    (result,) = verify_signed_data(data, anchors=[certificate], at=certificate.not_before)
    assert result.outcome < Outcome.WARNING, reasons(result)
    (changed,) = verify_signed_data(data, content=b"Hello", anchors=[certificate], at=certificate.not_before)
    assert "cms.signature-wrong" in reasons(changed)


def test_a_bag_of_certificates_has_no_signer(shared_testdata: Path) -> None:

    text = (shared_testdata / "gm" / "gmsm" / "pkcs7_gm_test__00_PKCS7.pem").read_bytes()
    body = re.search(rb"-----\n(.*?)-----", text, re.DOTALL)
    assert body
    data = base64.b64decode(body[1])
    assert len(parse_signed_data(data).certificates) == 2
    with pytest.raises(CmsError) as caught:
        verify_signed_data(data, content=b"", anchors=[])
    assert caught.value.code == "cms.no-signer"
