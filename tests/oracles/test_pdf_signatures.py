"""R21, R28: implementations that are not ours agree with the PDFs that we sign.

pyHanko with an SM2 validator plugged in judges byte range and signature; Bouncy Castle the CMS, the
certificates and the time stamp; PDFium and Poppler render; qpdf reads the structure.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from asn1crypto import algos, keys
from asn1crypto import cms as asn1_cms
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.sig_validate import (
    DefaultSignatureValidator,
    SignatureValidator,
)

from tests.oracles.bouncy_castle import BouncyCastle, OracleRefused
from tests.support.hospital import Hospital
from tests.support.pdfs import OTHER_BOX, plain_pdf, sign

pytestmark = pytest.mark.oracle

TIME_STAMP_TOKEN = "1.2.840.113549.1.9.16.2.14"


@pytest.fixture(scope="module")
def hospital() -> Hospital:
    """Test certificates."""
    return Hospital()


@pytest.fixture(scope="module")
def once(hospital: Hospital) -> bytes:
    """Signed by one."""
    return sign(hospital, plain_pdf())


@pytest.fixture(scope="module")
def twice(hospital: Hospital, once: bytes) -> bytes:
    """Signed by two."""
    return sign(hospital, once, box=OTHER_BOX, name="李明", seed=4)


def _signatures(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(CMS without padding, signed bytes) of each signature, found by the raw bytes alone."""
    for match in re.finditer(rb"/Contents <([0-9A-F]+)>\s*/ByteRange \[0 (\d+) (\d+) (\d+)\]", data):
        start, end, length = (int(match[n]) for n in (2, 3, 4))
        assert data[start:end] == b"<" + match[1] + b">"
        value = bytes.fromhex(match[1].decode())
        size = 4 + int.from_bytes(value[2:4], "big")
        yield value[:size], data[:start] + data[end : end + length]


def _certificates(cms: bytes) -> dict[str, bytes]:
    parsed = asn1_cms.ContentInfo.load(cms)["content"]
    found = [choice.chosen for choice in parsed["certificates"]]
    return {certificate.subject.native["common_name"]: certificate.dump() for certificate in found}


def test_bouncy_castle_agrees(hospital: Hospital, twice: bytes, bouncy_castle: BouncyCastle) -> None:
    """Signature values and attributes, certificate path, time stamp over the signature value."""
    found = list(_signatures(twice))
    assert len(found) == 2
    for (cms, content), name in zip(found, ("王小明", "李明"), strict=True):
        assert bouncy_castle.verify_cms(cms, content) == 1
        certificates = _certificates(cms)
        assert set(certificates) == {name, hospital.ca.common_name}
        path = [certificates[name], hospital.ca.der, hospital.root.der]
        assert bouncy_castle.verify_chain(path) == 3
        signer = asn1_cms.ContentInfo.load(cms)["content"]["signer_infos"][0]
        token = next(
            attribute["values"][0].dump()
            for attribute in signer["unsigned_attrs"]
            if attribute["type"].dotted == TIME_STAMP_TOKEN
        )
        value = signer["signature"].native
        assert bouncy_castle.verify_tsp(token, value, hospital.tsa_certificate.der) == hospital.now


def test_bouncy_castle_refuses_changes(once: bytes, bouncy_castle: BouncyCastle) -> None:
    """The oracle can say no."""
    cms, content = next(_signatures(once))
    with pytest.raises(OracleRefused):
        bouncy_castle.verify_cms(cms, content.replace(b"Consent", b"Refusal", 1))


@pytest.fixture
def gm_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """SM2 and SM3 made known to asn1crypto, for as long as the test runs."""
    digests, signed, curve = algos.DigestAlgorithmId, algos.SignedDigestAlgorithmId, keys.NamedCurve
    # A class makes its reverse map once, when it is first used: it must exist before it is exchanged.
    digests("sha256"), signed("sha256_rsa"), curve("secp256r1")
    monkeypatch.setattr(digests, "_map", {**digests._map, "1.2.156.10197.1.401": "sm3"})
    monkeypatch.setattr(signed, "_map", {**signed._map, "1.2.156.10197.1.501": "sm3_sm2"})
    monkeypatch.setattr(curve, "_map", {**curve._map, "1.2.156.10197.1.301": "sm2"})
    for kind in (digests, signed, curve):
        monkeypatch.setattr(kind, "_reverse_map", {name: dotted for dotted, name in kind._map.items()})
    monkeypatch.setattr(curve, "_key_sizes", {**curve._key_sizes, "1.2.156.10197.1.301": 32})
    of = algos.SignedDigestAlgorithm
    names, hashes = of.signature_algo.fget, of.hash_algo.fget  # type: ignore[attr-defined]
    is_sm2 = lambda self: self["algorithm"].native == "sm3_sm2"  # noqa: E731
    monkeypatch.setattr(of, "signature_algo", property(lambda s: "sm2" if is_sm2(s) else names(s)))
    monkeypatch.setattr(of, "hash_algo", property(lambda s: "sm3" if is_sm2(s) else hashes(s)))


class _Sm2ByBouncyCastle(SignatureValidator):
    """pyHanko's question, Bouncy Castle's answer."""

    def __init__(self, oracle: BouncyCastle, certificates: dict[bytes, bytes]) -> None:
        self._oracle = oracle
        self._certificates = certificates
        self._others = DefaultSignatureValidator()

    def validate_signature(  # type: ignore[no-untyped-def]
        self,
        signature,
        signed_data,
        public_key_info,
        signature_algorithm: algos.SignedDigestAlgorithm,
        prehashed=False,
        context=None,
    ) -> None:
        from cryptography.exceptions import InvalidSignature

        assert signature_algorithm["algorithm"].native == "sm3_sm2"
        try:
            self._oracle.verify_raw(self._certificates[public_key_info.dump()], signed_data, signature)
        except OracleRefused as refused:
            raise InvalidSignature from refused


@pytest.mark.usefixtures("gm_names")
def test_pyhanko_agrees(hospital: Hospital, twice: bytes, bouncy_castle: BouncyCastle) -> None:
    """Byte range whole, nothing but signatures added, signature valid, path trusted, time stamp valid."""
    from asn1crypto import x509

    ours = [hospital.root, hospital.ca, hospital.tsa_certificate]
    ders = [c.der for c in ours] + [
        der for cms, _ in _signatures(twice) for der in _certificates(cms).values()
    ]
    known = {x509.Certificate.load(der).public_key.dump(): der for der in ders}
    reader = PdfFileReader(io.BytesIO(twice), strict=True)
    assert len(reader.embedded_signatures) == 2
    for number, embedded in enumerate(reader.embedded_signatures):
        context = ValidationContext(
            trust_roots=[x509.Certificate.load(hospital.root.der)],
            other_certs=[x509.Certificate.load(hospital.ca.der)],
            moment=hospital.now + timedelta(seconds=1),
            allow_fetching=False,
            signature_validator=_Sm2ByBouncyCastle(bouncy_castle, known),
        )
        status = validate_pdf_signature(embedded, context)
        assert status.intact
        assert status.valid
        assert status.trusted
        expected = (
            SignatureCoverageLevel.ENTIRE_REVISION if number == 0 else SignatureCoverageLevel.ENTIRE_FILE
        )
        assert status.coverage is expected
        assert status.docmdp_ok
        assert status.timestamp_validity is not None
        assert status.timestamp_validity.valid
        assert status.bottom_line


def test_pdfium_renders_the_ink(twice: bytes) -> None:
    """Called directly: the signed page has ink in both boxes, the unsigned has none."""

    def dark(data: bytes) -> list[int]:
        document = pypdfium2.PdfDocument(data)
        image = document[0].render(scale=2, may_draw_forms=True).to_pil().convert("L")
        document.close()
        # BOX and OTHER_BOX: x 20–80 mm, y 20–40 and 60–80 mm, at 144 dpi.
        mm = 144 / 25.4
        boxes = [[round(v * mm) for v in (20, y, 80, y + 20)] for y in (20, 60)]
        return [sum(v < 100 for v in image.crop(tuple(box)).tobytes()) for box in boxes]

    before, after = dark(plain_pdf(text=" ")), dark(twice)
    assert before == [0, 0]
    assert all(count > 200 for count in after)


def test_poppler_and_qpdf_read_it(twice: bytes, tmp_path: Path) -> None:
    """Two more readers find no fault in the structure."""
    with pikepdf.open(io.BytesIO(twice)) as document:
        assert document.check_pdf_syntax() == []
        assert len(document.Root.AcroForm.Fields) == 2
        assert int(document.Root.AcroForm.SigFlags) == 3
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm is not installed (apt install poppler-utils)")
    path = tmp_path / "signed.pdf"
    path.write_bytes(twice)
    result = subprocess.run(
        ["pdftoppm", "-r", "50", "-png", str(path), str(tmp_path / "page")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0
    assert "Error" not in result.stderr
    assert list(tmp_path.glob("page*.png"))
