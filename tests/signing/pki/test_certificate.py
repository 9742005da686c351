"""R36: certificates are values over stored bytes; malformed ones raise one documented error."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from signing.pki import Certificate, PkiError, build_name, name_text, oids, read_name
from signing.pki.names import SHORT_NAMES, name_key
from signing.sm import SM2PublicKey, SmError, check_der, der, sm3
from tests.support.certificates import NOON, TestPki, new_signer

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def pki() -> TestPki:
    return TestPki()


def test_what_a_certificate_says(pki: TestPki) -> None:
    event = pki.event(new_signer())
    assert event.subject_text == "CN=张三,C=CN"
    assert event.issuer_text == "CN=签发 CA,O=测试医院,C=CN"
    assert event.common_name == "张三"
    assert event.key_usage == {"digitalSignature", "nonRepudiation"}
    assert event.extended_key_usage == ()
    assert event.extension(oids.NO_REV_AVAIL) == der.null()
    assert event.extension("1.2.3") is None
    assert not event.is_ca
    assert isinstance(event.public_key, SM2PublicKey)
    assert event.fingerprint_sm3 == sm3(event.der)
    assert event.authority_key_id == pki.ca.subject_key_id
    assert (pki.ca.is_ca, pki.ca.path_length) == (True, 0)
    assert (pki.root.is_ca, pki.root.path_length, pki.root.is_self_issued) == (True, None, True)
    assert event.not_before == NOON.replace(minute=59, hour=3)


def test_every_form_of_the_same_bytes(pki: TestPki) -> None:
    staff = pki.staff
    forms = (staff.pem, b"Certificate:\n  Data:\n" + b"#" * 5000 + b"\n" + staff.pem, staff.der)
    assert {Certificate.load(form) for form in forms} == {staff}
    assert Certificate.from_pem(staff.pem.decode()) == staff
    assert staff != pki.ca
    assert "李医生" in repr(staff)


def test_cryptography_and_pyhanko_read_the_same(pki: TestPki) -> None:
    for certificate in (pki.root, pki.ca, pki.tsa, pki.event(new_signer())):
        other = x509.load_der_x509_certificate(certificate.der)
        assert other.serial_number == certificate.serial
        assert other.not_valid_after_utc == certificate.not_after
        assert other.tbs_certificate_bytes == certificate.tbs_der
        assert {e.oid.dotted_string for e in other.extensions} == set(certificate.extensions)
        asn1 = certificate.asn1
        assert asn1.serial_number == certificate.serial
        assert asn1["signature_algorithm"]["algorithm"].native == "sm3_sm2"
        assert asn1.public_key.curve == ("named", "sm2")
        check_der(certificate.der)


def test_registering_names_changes_no_old_name() -> None:
    from asn1crypto import algos

    oids.register_names()
    oids.register_names()
    assert algos.DigestAlgorithmId("sha256").dotted == oids.SHA256
    assert algos.SignedDigestAlgorithmId("sha256_rsa").dotted == oids.RSA_WITH_SHA256
    assert algos.DigestAlgorithmId("sm3").dotted == oids.SM3


def test_the_curve_as_algorithm(pki: TestPki) -> None:
    """asn1crypto raises KeyError at such a key; five certificates of the vectors have it."""
    spki = pki.staff.spki_der
    point = der.read_one(spki).reader()
    point.take()
    quirk = der.sequence(der.sequence(der.oid(oids.SM2_CURVE)), point.take().raw)
    changed = _with(pki.staff, spki, quirk)
    assert Certificate.from_der(changed).public_key == pki.staff.public_key


def _with(certificate: Certificate, old: bytes, new: bytes) -> bytes:
    """The certificate with one part replaced, lengths repaired, signature no longer right."""
    reader = der.read_sequence(certificate.der)
    tbs = reader.take()
    parts = [element.raw for element in tbs.reader().rest()]
    assert old in parts
    tbs_der = der.sequence(*(new if part == old else part for part in parts))
    return der.sequence(tbs_der, *(element.raw for element in reader.rest()))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("version", der.explicit(0, der.integer(3)), "version"),
        ("algorithm", der.sequence(der.oid("1.2.3")), "two signature algorithms"),
        ("serial", b"\x02\x02\x00\x01", "integer is not minimal"),
    ],
)
def test_wrong_parts_are_named(pki: TestPki, old: str, new: bytes, problem: str) -> None:
    parts = [element.raw for element in der.read_sequence(pki.staff.tbs_der).rest()]
    index = {"version": 0, "serial": 1, "algorithm": 2}[old]
    with pytest.raises(PkiError) as caught:
        Certificate.from_der(_with(pki.staff, parts[index], new))
    assert caught.value.code == "pki.bad-certificate"
    assert caught.value.params["problem"] == problem


def test_an_extension_twice_is_refused(pki: TestPki) -> None:
    extensions = [element.raw for element in der.read_sequence(pki.staff.tbs_der).rest()][-1]
    inner = der.read_one(der.read_one(extensions).content).content
    first = der.read_sequence(der.sequence(inner)[: len(der.sequence(inner))]).take().raw
    twice = der.explicit(3, der.sequence(inner, first))
    with pytest.raises(PkiError, match="twice"):
        Certificate.from_der(_with(pki.staff, extensions, twice))


def test_size_is_limited() -> None:
    with pytest.raises(PkiError, match="64 KiB"):
        Certificate.from_der(b"0" * 70_000)


@given(st.binary(max_size=300))
def test_only_the_documented_error_escapes(data: bytes) -> None:
    for parse in (Certificate.load, Certificate.from_der, Certificate.from_pem):
        with pytest.raises(PkiError) as caught:
            parse(data)
        assert caught.value.code == "pki.bad-certificate"


@pytest.mark.parametrize("algorithm", ["sm2", "rsa", "ec-p256"])
@given(data=st.data())
def test_a_damaged_certificate_raises_or_is_another(algorithm: str, data: st.DataObject) -> None:
    good = _SAMPLES[algorithm].der
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        certificate = Certificate.from_der(bytes(changed))
        assert certificate.subject_text is not None
        assert certificate.public_key.verify(certificate.signature, certificate.tbs_der) in (True, False)
    except PkiError as error:
        assert error.code in ("pki.bad-certificate", "pki.bad-key", "pki.unsupported-key")


_SAMPLES = {algorithm: TestPki(algorithm).root for algorithm in ("sm2", "rsa", "ec-p256")}


@given(st.lists(st.tuples(st.sampled_from(["CN", "O", "OU", "2.5.4.97"]), TEXT), min_size=1, max_size=6))
def test_names_round_trip(pairs: list[tuple[str, str]]) -> None:
    encoded = build_name(pairs)
    check_der(encoded)
    assert list(read_name(encoded)) == pairs
    assert "\n" not in name_text(read_name(encoded))


@given(st.binary(max_size=100), st.booleans())
def test_names_raise_only_the_documented_error(data: bytes, wrapped: bool) -> None:
    try:
        name_text(read_name(der.sequence(data) if wrapped else data))
    except SmError as error:
        assert error.code == "sm.not-der"


def test_names_are_escaped_and_compared() -> None:
    pairs = [("C", "CN"), ("O", ' "A", B + C; <D>'), ("CN", "#x\x00 ")]
    assert name_text(pairs) == 'CN=\\#x\\00\\ ,O=\\ \\"A\\"\\, B \\+ C\\; \\<D\\>,C=CN'
    assert name_key([("CN", "Root  CA")]) == name_key([("CN", " root ca ")])


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("CN", "")],
        [("CN", "x" * 1025)],
        [("X-Y", "a")],
        [("C", "中国")],
        [("DC", "医院")],
        [("1.2.x", "a")],
    ],
)
def test_wrong_names_are_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(PkiError) as caught:
        build_name(pairs)
    assert caught.value.code == "pki.bad-name"


def test_string_types() -> None:
    encoded = build_name([("C", "CN"), ("DC", "ward"), ("CN", "张")])
    tags = [
        [e.tag for e in rdn.reader().take().reader().rest()][1] for rdn in der.read_sequence(encoded).rest()
    ]
    assert tags == [der.PRINTABLE_STRING, der.IA5_STRING, der.UTF8_STRING]
    wide = der.tlv(0x1E, "张三".encode("utf-16-be"))
    name = der.sequence(der.set_of([der.sequence(der.oid(SHORT_NAMES["CN"]), wide)]))
    assert read_name(name) == (("CN", "张三"),)


def test_vectors(shared_testdata: Path) -> None:
    """Certificates of Tongsuo, CFCA and SHECA, as far as they are certificates."""
    folder = shared_testdata / "gm"
    paths = [*folder.glob("openssl/certs/*"), *folder.glob("gmsm/*")]
    found = [path for path in paths if b"BEGIN CERTIFICATE-" in path.read_bytes()]
    assert len(found) >= 20
    for path in found:
        certificate = Certificate.load(path.read_bytes())
        assert certificate.public_key.algorithm == "sm2"
        assert certificate.not_after > datetime(2000, 1, 1, tzinfo=UTC), path.name
