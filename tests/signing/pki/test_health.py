"""R83: health certificates: pairs, unique ID, GM/T 0015 extensions."""

from __future__ import annotations

import pytest

from signing.pki import (
    HealthClass,
    PkiError,
    Profile,
    UniqueId,
    Usage,
    gm_extension,
    issue_double,
    oids,
    unique_id_of,
    usage_allows,
    validate_path,
)
from signing.sm import SM2PrivateKey, der
from signing.verdict import Outcome
from tests.support.certificates import NOON, YEAR, TestPki, new_signer

ID = UniqueId(2, "6021", "SF", 0, "TEST00000000000001")


@pytest.mark.parametrize("health_class", HealthClass)
def test_a_pair_of_certificates(health_class: HealthClass) -> None:
    pki = TestPki()
    holder = SM2PrivateKey.generate()
    pair = issue_double(
        health_class=health_class,
        subject=[("C", "CN"), ("O", "测试医院"), ("CN", "李医生")],
        sign_key=holder.public_key,
        issuer=pki.ca,
        issuer_signer=pki.ca_key,
        not_before=NOON,
        not_after=NOON + YEAR,
        extensions=[ID.extension()],
    )
    assert usage_allows(pair.sign, Usage.SIGNATURE) and not usage_allows(pair.sign, Usage.ENCRYPTION)
    assert usage_allows(pair.encrypt, Usage.ENCRYPTION) and not usage_allows(pair.encrypt, Usage.SIGNATURE)
    for certificate, usage in ((pair.sign, Usage.SIGNATURE), (pair.encrypt, Usage.ENCRYPTION)):
        result = validate_path(certificate, [pki.ca], [pki.root], at=NOON, usage=usage)
        assert result.outcome < Outcome.WARNING
        assert unique_id_of(certificate) == "2@6021SF0TEST00000000000001"
    assert SM2PrivateKey.from_enveloped_key(pair.enveloped_key, holder).public_key == pair.encrypt.public_key
    assert pair.encryption_key.public_key == pair.encrypt.public_key


def test_unique_id() -> None:
    assert UniqueId.parse(str(ID)) == ID
    assert str(ID)[9:] == ID.number  # the ID begins at the tenth character
    for text in ("", "x", "2@6021SF", "22@6021SF01", "2@6021sf01", "2@602 SF01", "2@6021SF0" + "1" * 33):
        with pytest.raises(PkiError, match="bad-unique-id"):
            UniqueId.parse(text)


@pytest.mark.parametrize(
    "value", [b"2@6021SF01", der.octet_string(b"2@6021SF01"), der.tlv(0x13, b"2@6021SF01")]
)
def test_unique_ids_as_other_cas_write_them(value: bytes) -> None:
    pki = TestPki()
    other = pki.issue(
        Profile.STAFF_SIGN, "王", new_signer(), extensions=[(oids.HEALTH_UNIQUE_ID, False, value)]
    )
    assert unique_id_of(other) == "2@6021SF01"
    assert unique_id_of(pki.staff) == ""


def test_gm_extensions() -> None:
    assert gm_extension("insurance", "A-1") == (oids.GM_INSURANCE, False, b"\x13\x03A-1")
    assert gm_extension("passport", "E1") == (oids.GM_IDENTITY, False, b"\xa2\x04\x13\x02E1")
    assert gm_extension("officer-card", "军1") == (
        oids.GM_IDENTITY,
        False,
        b"\xa1\x06\x0c\x04" + "军1".encode(),
    )
    for kind, value in (("insurance", "中"), ("resident-card", ""), ("nothing", "1"), ("tax", "x" * 65)):
        with pytest.raises(PkiError, match="bad-gm-extension"):
            gm_extension(kind, value)
