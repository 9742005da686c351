"""R28: Bouncy Castle agrees with the seal signatures that we write, over the bytes as they lie in the file.

The ASN.1 is taken apart by asn1crypto and the package by zipfile, so that nothing of ours stands between the
signed document and the oracle.
"""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import dataclass
from io import BytesIO

import pytest
from asn1crypto import core, parser
from cryptography.hazmat.primitives import hashes

from signing.ofd.signatures import normalise
from tests.oracles.bouncy_castle import BouncyCastle, OracleRefused
from tests.support.hospital import Hospital
from tests.support.tiny_ofd import tiny_ofd

pytestmark = pytest.mark.oracle

FOLDER = "Doc_0/Signs/Sign_0"


@dataclass(frozen=True)
class Parts:
    """A SES_Signature (v4) split into stored elements."""

    signed: bytes
    certificate: bytes
    value: bytes
    token: bytes
    data_hash: bytes
    seal_info: bytes
    maker: bytes
    seal_value: bytes


def _children(der: bytes) -> list[bytes]:
    """The stored elements inside a constructed one."""
    content = parser.parse(der)[4]
    found = []
    while content:
        size = _length(content)
        found.append(content[:size])
        content = content[size:]
    return found


def _length(data: bytes) -> int:
    info = parser.parse(data)
    return sum(map(len, info[3:6]))


def _bits(der: bytes) -> bytes:
    return bytes(core.BitString.load(der).contents[1:])


def _parts(value: bytes) -> Parts:
    signed, certificate, _, signature, token = _children(value)
    _, seal, _, data_hash, _, _ = _children(signed)
    seal_info, maker, _, seal_value = _children(seal)
    return Parts(
        signed=signed,
        certificate=core.OctetString.load(certificate).native,
        value=_bits(signature),
        token=_bits(_children(token)[0]),
        data_hash=_bits(data_hash),
        seal_info=seal_info,
        maker=core.OctetString.load(maker).native,
        seal_value=_bits(seal_value),
    )


def _sm3(data: bytes) -> bytes:
    state = hashes.Hash(hashes.SM3())
    state.update(data)
    return state.finalize()


@pytest.fixture(scope="module")
def hospital() -> Hospital:
    return Hospital()


@pytest.fixture(scope="module")
def archive(hospital: Hospital) -> zipfile.ZipFile:
    return zipfile.ZipFile(BytesIO(hospital.sign(normalise(tiny_ofd()))))


@pytest.fixture(scope="module")
def parts(archive: zipfile.ZipFile) -> Parts:
    return _parts(archive.read(f"{FOLDER}/SignedValue.dat"))


def test_signature_and_seal_values(bouncy_castle: BouncyCastle, parts: Parts) -> None:
    """SM2 over the stored toSign by the event certificate, over eSealInfo by the seal-maker."""
    bouncy_castle.verify_raw(parts.certificate, parts.signed, parts.value)
    bouncy_castle.verify_raw(parts.maker, parts.seal_info, parts.seal_value)
    with pytest.raises(OracleRefused):
        bouncy_castle.verify_raw(parts.certificate, parts.signed + b"\0", parts.value)


def test_certificates(bouncy_castle: BouncyCastle, hospital: Hospital, parts: Parts) -> None:
    """Event certificate and seal-maker lead to the root."""
    for leaf in (parts.certificate, parts.maker):
        assert bouncy_castle.verify_chain([leaf, hospital.ca.der, hospital.root.der]) == 3


def test_time_stamp(bouncy_castle: BouncyCastle, hospital: Hospital, parts: Parts) -> None:
    """The token is over the octets of the signature value."""
    assert bouncy_castle.verify_tsp(parts.token, parts.value, hospital.tsa_certificate.der) == hospital.now


def test_digests(archive: zipfile.ZipFile, parts: Parts) -> None:
    """SM3 by `cryptography`: data hash of the stored Signature.xml, and each CheckValue."""
    data = archive.read(f"{FOLDER}/Signature.xml")
    assert _sm3(data) == parts.data_hash
    root = ET.fromstring(data)  # noqa: S314 our own bytes
    references = [element for element in root.iter() if element.tag.endswith("}Reference")]
    assert {element.get("FileRef", "") for element in references} == {
        "/" + name
        for name in archive.namelist()
        if not name.endswith(("Signatures.xml", "Signature.xml", "SignedValue.dat"))
    }
    for element in references:
        member = archive.read(element.get("FileRef", "")[1:])
        assert base64.b64decode("".join(element.itertext()).strip()) == _sm3(member)
