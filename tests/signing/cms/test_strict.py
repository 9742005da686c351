"""R32: any single changed bit is noticed; strict read-back covers what no signature covers."""

from __future__ import annotations

import pytest

from signing.cms import CmsError, build_signed_data, oids, parse_signed_data, verify_signed_data
from signing.cms.attributes import attribute
from signing.cms.write import DIGEST_IDENTIFIERS, SignerParts, encode_signed_data, signature_identifier_of
from signing.pki import Certificate
from signing.pki.oids import SM3
from signing.sm import der
from signing.tsp import token_verifier
from signing.verdict import Check, Outcome
from tests.support.certificates import NOON, TestPki

CONTENT = b"the bytes before this increment"


@pytest.fixture(scope="module")
def pki() -> TestPki:
    return TestPki()


def build(pki: TestPki, **options: object) -> bytes:
    settings: dict[str, object] = {
        "signer": pki.staff_key,
        "certificate": pki.staff,
        "chain": [pki.ca],
        "detached": True,
    }
    return build_signed_data(CONTENT, **(settings | options))  # type: ignore[arg-type]


def heavy(pki: TestPki, message: bytes) -> list[Check]:
    """The checks that a reader must heed."""
    (result,) = verify_signed_data(
        message,
        content=CONTENT,
        anchors=[pki.root],
        at=NOON,
        strict=True,
        timestamp_verifier=token_verifier([pki.root], strict=True),
    )
    return [check for check in result.checks if check.outcome >= Outcome.UNDECIDED]


@pytest.fixture(params=["gbt35275", "rfc5652", "time-stamped"])
def message(request: pytest.FixtureRequest, pki: TestPki) -> bytes:
    """What the product writes; half of the last one is the token."""
    if request.param == "gbt35275":
        return build(pki, dialect="gbt35275")
    stamp = pki.authority().stamp if request.param == "time-stamped" else None
    return build(pki, signing_time=NOON, timestamp=stamp)


def test_a_changed_bit_is_noticed(pki: TestPki, message: bytes) -> None:
    """One bit of every third octet, another one each time."""
    assert heavy(pki, message) == []
    for octet in range(0, len(message), 3):
        assert _noticed(pki, message, octet * 8 + octet // 3 % 8), f"octet {octet}"


@pytest.mark.soak
def test_every_changed_bit_is_noticed(pki: TestPki, message: bytes) -> None:
    for index in range(len(message) * 8):
        assert _noticed(pki, message, index), f"bit {index % 8} of octet {index // 8}"


def _noticed(pki: TestPki, message: bytes, index: int) -> bool:
    changed = bytearray(message)
    changed[index // 8] ^= 1 << index % 8
    try:
        return bool(heavy(pki, bytes(changed)))
    except CmsError:
        return True


def rewrite(
    pki: TestPki,
    *,
    certificates: list[Certificate] | None = None,
    unsigned: tuple[bytes, ...] = (),
    content_type: str = oids.DATA,
) -> bytes:
    """The signature of a good message inside another envelope."""
    signer = parse_signed_data(build(pki)).signers[0]
    parts = SignerParts(
        pki.staff,
        DIGEST_IDENTIFIERS[SM3],
        signature_identifier_of("sm2", "rfc5652"),
        signer.signed_attributes_der,
        signer.signature,
        unsigned,
    )
    given = [pki.staff, pki.ca] if certificates is None else certificates
    return encode_signed_data("rfc5652", content_type, None, given, [parts])


def test_certificates_are_exactly_the_path(pki: TestPki) -> None:
    assert heavy(pki, rewrite(pki)) == []
    assert heavy(pki, rewrite(pki, certificates=[pki.staff, pki.ca, pki.root])) == []
    stranger = TestPki().ca
    for given in ([pki.staff, pki.ca, stranger], [pki.staff, pki.ca, pki.tsa]):
        assert [c.reason for c in heavy(pki, rewrite(pki, certificates=given))] == ["cms.strict-certificates"]


def test_unknown_unsigned_attributes(pki: TestPki) -> None:
    smuggled = (attribute("2.25.9", der.utf8_string("x")),)
    assert [c.reason for c in heavy(pki, rewrite(pki, unsigned=smuggled))] == ["cms.strict-extra"]


def test_two_time_stamps(pki: TestPki) -> None:
    token = pki.authority().token(b"x")
    twice = (attribute(oids.TIME_STAMP_TOKEN, token, pki.authority().token(b"y")),)
    assert {c.reason for c in heavy(pki, rewrite(pki, unsigned=twice))} == {
        "cms.time-stamp-twice",
        "cms.strict-extra",
    }


def test_the_content_type_is_the_expected_one(pki: TestPki) -> None:
    found = {c.reason for c in heavy(pki, rewrite(pki, content_type="1.2.3.4"))}
    assert found == {"cms.content-type-wrong", "cms.strict-content-type"}


def test_other_forms_of_the_same_meaning(pki: TestPki) -> None:
    """Accepted in what others write, noticed in what we wrote."""
    message = build(pki)
    inner = der.read_sequence(message)
    kind = inner.take().raw
    signed_data = der.read_one(inner.take().content)
    parts = [element.raw for element in signed_data.reader().rest()]
    crl = der.tlv(0xA1, der.sequence(der.null()))
    null = der.set_of([der.sequence(der.oid(SM3), der.null())])
    forms = {
        "an extra CRL": [*parts[:-1], crl, parts[-1]],
        "another version": [der.integer(4), *parts[1:]],
        "NULL parameters": [parts[0], null, *parts[2:]],
        "a digest nobody uses": [
            parts[0],
            der.set_of([null[2:], der.sequence(der.oid("1.2.3"))]),
            *parts[2:],
        ],
        "no digest": [parts[0], der.set_of([]), *parts[2:]],
    }
    for name, changed in forms.items():
        other = der.sequence(kind, der.explicit(0, der.sequence(*changed)))
        assert [c.reason for c in heavy(pki, other)] in (["cms.strict-form"], ["cms.strict-extra"]), name
        (lenient,) = verify_signed_data(other, content=CONTENT, anchors=[pki.root], at=NOON)
        assert lenient.outcome < Outcome.WARNING, name
    indefinite = b"\x30\x80" + kind + b"\xa0\x80" + signed_data.raw + bytes(4)
    assert [c.reason for c in heavy(pki, indefinite)] == ["cms.strict-not-der"]
    (lenient,) = verify_signed_data(indefinite, content=CONTENT, anchors=[pki.root], at=NOON)
    assert lenient.outcome < Outcome.WARNING
