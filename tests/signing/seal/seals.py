"""Seals and seal signatures in all three layouts, made here for the parser and the verifier."""

from __future__ import annotations

from datetime import timedelta

from signing.seal import SM2_WITH_SM3, Picture, build_seal_signature_v4, build_seal_v4
from signing.sm import der, sm3
from tests.support.hospital import Event, Hospital

DATA = b"<Signature/>"
GBT35275 = "1.2.156.10197.6.1.4.2.2"


def seal_v4(hospital: Hospital, event: Event, **changes: object) -> bytes:
    """A v4 seal for an event certificate."""
    arguments: dict[str, object] = {
        "esid": "0001",
        "name": "测试印章",
        "vendor_id": "Penward",
        "picture": Picture("ofd", b"picture", 30, 20),
        "certificates": [event.certificate.der],
        "valid_from": hospital.now - timedelta(days=1),
        "valid_to": hospital.now + timedelta(days=1),
        "created": hospital.now,
        "maker": hospital.maker_signer,
        "maker_certificate": hospital.maker,
    }
    return build_seal_v4(**(arguments | changes))  # type: ignore[arg-type]


def signature_v4(hospital: Hospital, event: Event, **changes: object) -> bytes:
    """A v4 seal signature over `DATA`."""
    arguments: dict[str, object] = {
        "seal_der": seal_v4(hospital, event),
        "data_hash": sm3(DATA),
        "property_info": "/Doc_0/Signs/Sign_0/Signature.xml",
        "signed_at": hospital.now,
        "signer": event.signer,
        "certificate": event.certificate,
    }
    return build_seal_signature_v4(**(arguments | changes))  # type: ignore[arg-type]


def header(version: int) -> bytes:
    """SES_Header."""
    return der.sequence(ia5("ES"), der.integer(version), ia5("Maker"))


def ia5(text: str) -> bytes:
    """IA5String."""
    return der.tlv(der.IA5_STRING, text.encode("ascii"))


def utc(hospital: Hospital, days: int) -> bytes:
    """UTCTime, days from the hospital's now."""
    return der.time(hospital.now + timedelta(days=days))


def signature_v1(
    hospital: Hospital, event: Event, *, version: int = 1, unused: int = 0, iso_time: bool = True
) -> bytes:
    """GM/T 0031-2014: certificate and algorithm inside what is signed."""
    info = der.sequence(
        header(version),
        ia5("0001"),
        der.sequence(
            der.integer(1),
            der.utf8_string("测试印章"),
            der.sequence(der.octet_string(event.certificate.der)),
            utc(hospital, -1),
            utc(hospital, -1),
            utc(hospital, 1),
        ),
        der.sequence(ia5("PNG"), der.octet_string(b"picture"), der.integer(30), der.integer(20)),
    )
    certificate, algorithm = der.octet_string(hospital.maker.der), der.oid(SM2_WITH_SM3)
    value = hospital.maker_signer.sign(der.sequence(info, certificate, algorithm))
    seal = der.sequence(info, der.sequence(certificate, algorithm, der.bit_string(value)))
    moment = hospital.now.strftime("%Y-%m-%dT%H:%M:%S.377Z").encode()
    signed = der.sequence(
        der.integer(version),
        seal,
        der.bit_string(moment if iso_time else b"\x00\x01"),
        der.bit_string(sm3(DATA)),
        ia5("/Doc_0/Signs/Sign_0/Signature.xml"),
        der.octet_string(event.certificate.der),
        algorithm,
    )
    value = event.signer.sign(signed)
    while unused and value[-1] & (1 << unused) - 1:
        value = event.signer.sign(signed)
    return der.sequence(signed, der.bit_string(value, unused))


def seal_v5(hospital: Hospital, event: Event, *, stamped: bool) -> bytes:
    """GM/T 0031-2025: as v4 with version 5, and with a time stamp of the seal where wanted."""
    info = der.sequence(
        header(5),
        ia5("0001"),
        der.sequence(
            der.integer(1),
            der.utf8_string("测试印章"),
            der.integer(2),
            der.sequence(
                der.sequence(
                    der.tlv(der.PRINTABLE_STRING, b"SM3"), der.octet_string(sm3(event.certificate.der))
                )
            ),
            der.generalized_time(hospital.now - timedelta(days=1)),
            der.generalized_time(hospital.now - timedelta(days=1)),
            der.generalized_time(hospital.now + timedelta(days=1)),
        ),
        der.sequence(ia5("ofd"), der.octet_string(b"picture"), der.integer(30), der.integer(20)),
    )
    value = hospital.maker_signer.sign(info)
    stamp = [der.explicit(0, der.bit_string(hospital.tsa.stamp(value)))] if stamped else []
    return der.sequence(
        info, der.octet_string(hospital.maker.der), der.oid(SM2_WITH_SM3), der.bit_string(value), *stamp
    )


def replaced_outer(signature: bytes, index: int, element: bytes) -> bytes:
    """A seal signature with one of its outer, unsigned fields exchanged."""
    parts = [item.raw for item in der.read_sequence(signature).rest()]
    parts[index] = element
    return der.sequence(*parts)
