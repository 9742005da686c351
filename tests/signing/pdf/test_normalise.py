"""R21: what is accepted for signing, and the document digest."""

from __future__ import annotations

import io

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.pdf import PdfError, PdfSignError, document_digest, normalise_pdf
from signing.sm import sm3
from signing.verdict import PenwardError
from tests.support.pdfs import plain_pdf, rewritten


def _changed(change: object) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(plain_pdf())) as document:
        change(document)  # type: ignore[operator]
        document.save(out)
    return out.getvalue()


@pytest.mark.parametrize("mode", list(pikepdf.ObjectStreamMode))
@pytest.mark.parametrize("linearize", [False, True])
def test_sound_documents_stay_as_they_are(mode: pikepdf.ObjectStreamMode, linearize: bool) -> None:
    """Classic and stream cross references, linearised or not: not a byte changes."""
    data = rewritten(plain_pdf(), object_stream_mode=mode, linearize=linearize)
    assert normalise_pdf(data) == data


def test_the_digest_is_of_every_byte() -> None:
    """protocol.md: SM3 of all bytes before the increment."""
    assert document_digest(plain_pdf()) == sm3(plain_pdf())


def test_bytes_before_the_header_are_cut_off() -> None:
    """What a mail gateway put in front does not belong to the document."""
    assert normalise_pdf(b"X-Header: 1\r\n" + plain_pdf()) == plain_pdf()


def test_broken_cross_references_are_written_anew() -> None:
    """A document that readers repair silently is repaired once, before anybody sees or signs it."""
    broken = plain_pdf().replace(b"startxref\n", b"startxref\n9")
    mended = normalise_pdf(broken)
    assert mended != broken
    assert normalise_pdf(mended) == mended
    assert normalise_pdf(broken) == mended


def test_refused_by_name() -> None:
    """Encrypted, dynamic forms, certified without changes."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(plain_pdf())) as document:
        document.save(out, encryption=pikepdf.Encryption(owner="o", user=""))
    with pytest.raises(PdfError) as caught:
        normalise_pdf(out.getvalue())
    assert caught.value.code == "pdf.encrypted"

    def dynamic(document: pikepdf.Pdf) -> None:
        document.Root.AcroForm = pikepdf.Dictionary(Fields=[], XFA=document.make_stream(b"<xdp/>"))

    with pytest.raises(PdfSignError) as refused:
        normalise_pdf(_changed(dynamic))
    assert refused.value.code == "pdfsign.xfa"

    def certified(document: pikepdf.Pdf) -> None:
        parameters = pikepdf.Dictionary(P=1)
        reference = pikepdf.Dictionary(TransformMethod=pikepdf.Name.DocMDP, TransformParams=parameters)
        signature = document.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Sig, Reference=[reference]))
        document.Root.Perms = pikepdf.Dictionary(DocMDP=signature)

    with pytest.raises(PdfSignError) as refused:
        normalise_pdf(_changed(certified))
    assert refused.value.code == "pdfsign.no-changes-allowed"


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 1300), garbage=st.binary(min_size=1, max_size=8), cut=st.booleans())
def test_only_documented_errors_escape(position: int, garbage: bytes, cut: bool) -> None:
    """Damage anywhere: a document comes out that is normal, or a named refusal."""
    data = plain_pdf()
    broken = data[:position] + garbage + (b"" if cut else data[position + len(garbage) :])
    try:
        normal = normalise_pdf(broken)
    except PenwardError as error:
        assert error.code.startswith(("pdf.", "pdfsign."))
    else:
        assert normalise_pdf(normal) == normal
