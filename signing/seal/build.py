"""Makes seals and seal signatures in the v4 layout (GB/T 38540-2020), in DER, and reads them back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from signing.pki import Certificate, Signer
from signing.seal.der import is_der
from signing.seal.errors import SealError
from signing.seal.model import CHAIN_OID, SM2_WITH_SM3, Extension, Picture
from signing.seal.parse import parse_seal, parse_seal_signature
from signing.sm.der import (
    IA5_STRING,
    bit_string,
    boolean,
    explicit,
    generalized_time,
    integer,
    octet_string,
    oid,
    sequence,
    tlv,
    utf8_string,
)
from signing.tsp import TimeStamper

_VERSION = 4
_CERTIFICATES = 1  # certListType: the certificates themselves
HANDWRITTEN = 2
"""Seal type: a person's own signature, as against 1, the seal of an organisation."""


def build_seal_v4(
    *,
    esid: str,
    name: str,
    vendor_id: str,
    picture: Picture,
    certificates: Sequence[bytes],
    valid_from: datetime,
    valid_to: datetime,
    created: datetime,
    maker: Signer,
    maker_certificate: Certificate,
    ext_datas: Sequence[Extension] = (),
    kind: int = HANDWRITTEN,
) -> bytes:
    """A SESeal (DER), signed by the seal-maker over eSealInfo (GB/T 38540-2020, 6.1).

    `certificates` are the signers' certificates in DER; times are aware and are written in UTC to the second.

    Raises:
        SealError: `seal.bad-argument`, `seal.not-sm2`, `seal.self-check`.
    """
    if not certificates or not picture.data or picture.width_mm < 1 or picture.height_mm < 1:
        raise SealError("seal.bad-argument", detail="certificates, picture")
    _require_sm2(maker)
    info = sequence(
        sequence(_ia5("ES"), integer(_VERSION), _ia5(vendor_id)),
        _ia5(esid),
        sequence(
            integer(kind),
            utf8_string(name),
            integer(_CERTIFICATES),
            sequence(*(octet_string(der) for der in certificates)),
            _time(created),
            _time(valid_from),
            _time(valid_to),
        ),
        sequence(
            _ia5(picture.type),
            octet_string(picture.data),
            integer(picture.width_mm),
            integer(picture.height_mm),
        ),
        *([_extensions(ext_datas)] if ext_datas else []),
    )
    seal = sequence(
        info, octet_string(maker_certificate.der), oid(SM2_WITH_SM3), bit_string(maker.sign(info))
    )
    if not is_der(seal) or parse_seal(seal).signed_bytes != info:
        raise SealError("seal.self-check")
    return seal


def build_seal_signature_v4(
    *,
    seal_der: bytes,
    data_hash: bytes,
    property_info: str,
    signed_at: datetime,
    signer: Signer,
    certificate: Certificate,
    ext_datas: Sequence[Extension] = (),
    stamper: TimeStamper | None = None,
) -> bytes:
    """A SES_Signature (DER) over `data_hash`, the SM3 of the stored Signature.xml (GB/T 38540-2020, 7.1).

    `signed_at` is aware, written in UTC to the second. The time stamp token, when `stamper` is given, is over
    the octets of the signature value.

    Raises:
        SealError: `seal.bad-argument`, `seal.not-sm2`, `seal.self-check`. What `signer` and `stamper` raise.
    """
    if len(data_hash) != 32:
        raise SealError("seal.bad-argument", detail="data hash")
    _require_sm2(signer)
    signed = sequence(
        integer(_VERSION),
        seal_der,
        _time(signed_at),
        bit_string(data_hash),
        _ia5(property_info),
        *([explicit(0, _extensions(ext_datas))] if ext_datas else []),
    )
    value = signer.sign(signed)
    signature = sequence(
        signed,
        octet_string(certificate.der),
        oid(SM2_WITH_SM3),
        bit_string(value),
        *([explicit(0, bit_string(stamper.stamp(value)))] if stamper is not None else []),
    )
    if not is_der(signature) or parse_seal_signature(signature).signed_bytes != signed:
        raise SealError("seal.self-check")
    return signature


def chain_extension(certificates: Sequence[Certificate]) -> Extension:
    """The extension in which the issuing certificates travel: SEQUENCE OF OCTET STRING (DER)."""
    return Extension(CHAIN_OID, False, sequence(*(octet_string(c.der) for c in certificates)))


def _require_sm2(signer: Signer) -> None:
    if signer.algorithm != "sm2":
        raise SealError("seal.not-sm2")


def _extensions(extensions: Sequence[Extension]) -> bytes:
    """ExtensionDatas. `critical` is written even when FALSE: readers in the field expect three fields."""
    return sequence(
        *(sequence(oid(item.oid), boolean(item.critical), octet_string(item.value)) for item in extensions)
    )


def _ia5(text: str) -> bytes:
    if not text.isascii():
        raise SealError("seal.bad-argument", detail="not ASCII")
    return tlv(IA5_STRING, text.encode("ascii"))


def _time(moment: datetime) -> bytes:
    if moment.tzinfo is None:
        raise SealError("seal.bad-argument", detail="time without zone")
    return generalized_time(moment.replace(microsecond=0))
