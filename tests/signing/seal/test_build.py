"""R28: what we build is DER, is signed over the right bytes, and reads back as it was meant."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from signing.pki import EcSigner
from signing.seal import SM2_WITH_SM3, Extension, SealError, parse_seal, parse_seal_signature
from signing.sm import check_der, sm3
from tests.signing.seal import seals
from tests.support.hospital import Event, Hospital


@pytest.fixture(scope="module")
def event(hospital: Hospital) -> Event:
    return hospital.event(bytes(32))


def test_seal_is_signed_over_its_information_alone(hospital: Hospital, event: Event) -> None:
    """GB/T 38540: the seal's signature covers eSealInfo, not the maker's certificate."""
    built = seals.seal_v4(hospital, event)
    check_der(built)
    seal = parse_seal(built)
    assert hospital.maker.public_key.verify(seal.signature, seal.signed_bytes)
    assert seal.signed_bytes in built
    assert hospital.maker.der not in seal.signed_bytes
    assert seal.algorithm == SM2_WITH_SM3


def test_signature_covers_seal_time_hash_and_extensions(hospital: Hospital, event: Event) -> None:
    extension = Extension("2.25.1", True, b"value")
    built = seals.signature_v4(hospital, event, ext_datas=[extension], stamper=hospital.tsa)
    check_der(built)
    signature = parse_seal_signature(built)
    assert signature.extensions == (extension,)
    assert signature.data_hash == sm3(seals.DATA)
    assert event.certificate.public_key.verify(signature.signature, signature.signed_bytes)
    assert signature.seal.der in signature.signed_bytes
    assert signature.time_stamp is not None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"certificates": []}, "seal.bad-argument"),
        ({"esid": "章"}, "seal.bad-argument"),
        ({"created": None}, "seal.bad-argument"),
        ({"maker": EcSigner(ec.generate_private_key(ec.SECP256R1()))}, "seal.not-sm2"),
    ],
)
def test_what_cannot_be_a_seal_is_refused(
    hospital: Hospital, event: Event, changes: dict[str, object], code: str
) -> None:
    if "created" in changes:
        changes = {"created": hospital.now.replace(tzinfo=None)}
    with pytest.raises(SealError) as caught:
        seals.seal_v4(hospital, event, **changes)
    assert caught.value.code == code


def test_hash_of_another_length_is_refused(hospital: Hospital, event: Event) -> None:
    with pytest.raises(SealError):
        seals.signature_v4(hospital, event, data_hash=b"short")
