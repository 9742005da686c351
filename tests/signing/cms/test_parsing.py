"""R60: malformed messages raise one documented error; BER of old signers is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.cms import (
    CmsError,
    build_signed_data,
    first_element,
    oids,
    parse_signed_data,
    verify_signed_data,
)
from signing.cms.ber import to_definite
from signing.cms.read import MAX_CERTIFICATES, MAX_SIGNERS
from signing.sm import SmError, check_der, der
from signing.verdict import Outcome
from tests.support.certificates import NOON, TestPki

PKI = TestPki()
MESSAGE = build_signed_data(
    b"content", signer=PKI.staff_key, certificate=PKI.staff, chain=[PKI.ca], signing_time=NOON
)


def code(data: bytes) -> str:
    with pytest.raises(CmsError) as caught:
        parse_signed_data(data)
    return caught.value.code


@given(st.binary(max_size=300), st.booleans())
def test_only_the_documented_error_escapes(data: bytes, wrapped: bool) -> None:
    outer = der.sequence(der.oid(oids.SIGNED_DATA), der.explicit(0, der.sequence(data)))
    with pytest.raises(CmsError):
        parse_signed_data(outer if wrapped else data)


@given(st.data())
def test_damaged_messages(data: st.DataObject) -> None:
    changed = bytearray(MESSAGE)
    for _ in range(data.draw(st.integers(1, 5))):
        changed[data.draw(st.integers(0, len(MESSAGE) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(MESSAGE)))
    for damaged in (bytes(changed), bytes(changed[:cut])):
        try:
            results = verify_signed_data(damaged, content=b"content", anchors=[PKI.root], at=NOON)
        except CmsError as error:
            assert error.code.startswith("cms.")
        else:
            assert results


@given(st.recursive(st.binary(max_size=20), lambda inner: st.lists(inner, max_size=4), max_leaves=20))
def test_indefinite_lengths_become_definite(tree: object) -> None:
    """The same tree written with indefinite lengths and strings in pieces."""
    assert to_definite(_ber(tree)) == _der(tree)
    assert to_definite(_der(tree)) == _der(tree)
    check_der(to_definite(_ber(tree)))
    assert first_element(_ber(tree) + bytes(5)) == _ber(tree)


def _ber(tree: object) -> bytes:
    if isinstance(tree, bytes):
        pieces = b"".join(
            b"\x04\x81" + bytes([len(tree[i : i + 7])]) + tree[i : i + 7] for i in range(0, 20, 7)
        )
        return b"\x24\x80" + pieces + b"\0\0"
    assert isinstance(tree, list)
    return b"\x30\x80" + b"".join(map(_ber, tree)) + b"\0\0"


def _der(tree: object) -> bytes:
    if isinstance(tree, bytes):
        return der.octet_string(tree)
    assert isinstance(tree, list)
    return der.sequence(*map(_der, tree))


@given(st.binary(max_size=100))
def test_ber_raises_only_the_documented_error(data: bytes) -> None:
    for convert in (to_definite, first_element):
        try:
            convert(data)
        except SmError as error:
            assert error.code == "sm.not-der"


def test_depth_is_limited() -> None:
    for deep in (b"\x30\x80" * 5000, b"\x24\x80" * 5000):
        with pytest.raises(SmError):
            to_definite(deep)
        assert code(deep) == "cms.malformed"


def test_a_ber_message_verifies() -> None:
    inner = der.read_sequence(MESSAGE)
    kind, wrapped = inner.take().raw, inner.take().content
    stored = b"\x30\x80" + kind + b"\xa0\x80" + wrapped + bytes(4)
    parsed = parse_signed_data(stored)
    assert (parsed.is_der, parsed.der) == (False, MESSAGE)
    (result,) = verify_signed_data(stored, anchors=[PKI.root], at=NOON)
    assert result.outcome < Outcome.WARNING


def test_other_content_types_are_named() -> None:
    assert code(der.sequence(der.oid("1.2.840.113549.1.7.3"), der.null())) == "cms.not-signed-data"
    assert code(MESSAGE + b"\0") == "cms.malformed"
    assert code(b"") == "cms.malformed"


def test_counts_are_limited() -> None:
    kind = der.oid(oids.SIGNED_DATA)
    parts = [element.raw for element in _fields()]
    signer = der.read_one(parts[-1]).content
    many_signers = [*parts[:-1], der.tlv(der.SET, signer * (MAX_SIGNERS + 1))]
    many_certificates = [*parts[:-2], der.tlv(0xA0, PKI.ca.der * (MAX_CERTIFICATES + 1)), parts[-1]]
    for changed in (many_signers, many_certificates):
        assert code(der.sequence(kind, der.explicit(0, der.sequence(*changed)))) == "cms.malformed"


def test_an_attribute_twice_is_refused() -> None:
    attribute = der.sequence(der.oid(oids.CONTENT_TYPE), der.set_of([der.oid(oids.DATA)]))
    assert MESSAGE.count(attribute) == 1
    signed = parse_signed_data(MESSAGE).signers[0].signed_attributes_der
    assert signed
    doubled = der.tlv(0xA0, der.read_one(signed).content + attribute)
    grown = _replace_deep(MESSAGE, b"\xa0" + signed[1:], doubled)
    assert code(grown) == "cms.attribute-twice"


def _replace_deep(data: bytes, old: bytes, new: bytes) -> bytes:
    """`data` with one inner element replaced and all lengths around it repaired."""
    element = der.read_one(data)
    if data == old:
        return new
    if old not in element.content or not element.tag & 0x20:
        return data
    return der.tlv(
        element.tag,
        b"".join(_replace_deep(child.raw, old, new) for child in element.reader().rest()),
    )


def test_unreadable_certificates_are_counted() -> None:
    junk = der.sequence(der.null())
    certificates = next(field.raw for field in _fields() if field.tag == 0xA0)
    grown = _replace_deep(MESSAGE, certificates, der.tlv(0xA0, der.read_one(certificates).content + junk))
    parsed = parse_signed_data(grown)
    assert (len(parsed.certificates), parsed.unread_certificates) == (2, 1)


def _fields() -> list[der.Element]:
    """The fields of the SignedData."""
    inner = der.read_sequence(MESSAGE)
    inner.take()
    return list(der.read_one(inner.take().content).reader().rest())
