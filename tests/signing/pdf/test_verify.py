"""R28, R29: every changed bit is noticed and placed; what is added later is named; foreign tricks fail."""

from __future__ import annotations

import io
import random
import re

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from signing.pdf import document_digest, event_signatures, verify_pdf
from signing.verdict import CheckName, FileVerdict, Outcome, exit_status
from signing.wire import PDF_MEDIA_TYPE
from tests.support.hospital import Hospital
from tests.support.pdfs import OTHER_BOX, plain_pdf, sign, worst_reasons


def _flip(data: bytes, position: int, bit: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 1 << bit
    return bytes(changed)


def _padding(data: bytes) -> tuple[int, int]:
    """Where the zero padding of the last /Contents begins and ends."""
    match = list(re.finditer(rb"/Contents <([0-9A-F]+)>", data))[-1]
    digits = match[1].rstrip(b"0")
    return match.start(1) + len(digits), match.end(1)


def _campaign(hospital: Hospital, data: bytes, positions: list[int], seed: int) -> None:
    rng = random.Random(seed)
    unnoticed = []
    for position in positions:
        verdict = verify_pdf(_flip(data, position, rng.randrange(8)), anchors=[hospital.root])
        if exit_status([verdict]) == 0:
            unnoticed.append(position)
    assert not unnoticed


def test_changed_bits_are_noticed(hospital: Hospital, plain: bytes, signed: bytes) -> None:
    """A sample over the original, the increment, the CMS and its padding, the edges of the gap, the end."""
    start, end = _padding(signed)
    first = signed.index(b"/Contents <", len(plain))
    positions = [
        *range(0, len(plain), 41),
        *range(len(plain), first, 61),
        *range(first, first + 16),
        *range(first + 16, start, 113),
        start,
        (start + end) // 2,
        *range(end - 2, end + 80, 3),
        *range(end + 80, len(signed) - 60, 61),
        *range(len(signed) - 60, len(signed), 2),
    ]
    _campaign(hospital, signed, positions, 1)


@pytest.mark.soak
def test_every_byte_of_the_increment(hospital: Hospital, plain: bytes, signed: bytes) -> None:
    """All of the increment, one bit in each byte."""
    _campaign(hospital, signed, list(range(len(plain), len(signed))), 2)


@pytest.mark.soak
def test_every_bit_of_the_cms(hospital: Hospital, signed: bytes) -> None:
    """All eight bits of each digit of the CMS."""
    start = signed.rindex(b"/Contents <") + 11
    for bit in range(8):
        for position in range(start, _padding(signed)[0] + 2):
            verdict = verify_pdf(_flip(signed, position, bit), anchors=[hospital.root])
            assert exit_status([verdict]) != 0, (position, bit)


def test_it_says_where(hospital: Hospital, plain: bytes, signed: bytes, signed_twice: bytes) -> None:
    """Before the first signature, in its increment, or in the second's."""

    def place(data: bytes, number: int) -> tuple[int, int]:
        checks = verify_pdf(data, anchors=[hospital.root]).signatures[number].checks
        check = next(c for c in checks if c.name is CheckName.INTEGRITY)
        assert check.outcome is Outcome.FAIL
        return int(check.params["start"]), int(check.params["end"])

    assert place(_flip(signed_twice, plain.index(b"Consent"), 0), 0) == (0, len(plain))
    in_first = signed_twice.index(b"/M (D", len(plain)) + 12
    assert place(_flip(signed_twice, in_first, 0), 0) == (len(plain), len(signed))
    in_base = signed_twice.index(b"/Base", len(plain)) + 7
    assert place(_flip(signed_twice, in_base, 0), 0) == (0, len(signed))
    in_second = signed_twice.index(b"/M (D", len(signed)) + 12
    changed = _flip(signed_twice, in_second, 0)
    assert place(changed, 1) == (len(signed), len(signed_twice))
    first = verify_pdf(changed, anchors=[hospital.root]).signatures[0]
    assert all(c.outcome is not Outcome.FAIL for c in first.checks if c.name is not CheckName.LATER_CHANGES)


def test_it_says_where_even_when_the_file_cannot_be_read(
    hospital: Hospital, plain: bytes, signed: bytes, signed_twice: bytes
) -> None:
    """The structure broken: the signatures that are still there bound the place of the change."""

    def place(data: bytes) -> tuple[int, int]:
        verdict = verify_pdf(data, anchors=[hospital.root])
        assert exit_status([verdict]) == 1
        check = next(
            c for c in verdict.all_checks() if c.name is CheckName.INTEGRITY and c.outcome is Outcome.FAIL
        )
        return int(check.params["start"]), int(check.params["end"])

    end = signed_twice.rindex(b"startxref")
    assert place(_flip(signed_twice, end, 1)) == (len(signed), len(signed_twice))
    catalog = plain.index(b"/Pages")
    assert place(_flip(signed_twice, catalog + 3, 1)) == (0, len(plain))


def test_no_anchor_no_decision(signed: bytes) -> None:
    """protocol.md: the same file without the anchor is not decidable."""
    verdict = verify_pdf(signed, anchors=[])
    assert worst_reasons(verdict) >= {"pki.no-anchor"}
    assert exit_status([verdict]) == 2


@pytest.mark.parametrize("data", [b"", b"nothing", b"%PDF-1.7\nnothing", plain_pdf()])
def test_without_a_signature_nothing_is_decided(data: bytes) -> None:
    """And nothing is raised."""
    verdict = verify_pdf(data, anchors=[])
    assert not verdict.signatures
    assert exit_status([verdict]) == 2


def test_a_cut_file_fails(hospital: Hospital, signed: bytes, signed_twice: bytes) -> None:
    """A file cut short still has the marks of its signature."""
    for length in (len(signed_twice) - 1, len(signed_twice) - 700, len(signed) + 100, len(signed) - 5):
        assert exit_status([verify_pdf(signed_twice[:length], anchors=[hospital.root])]) == 1
    assert exit_status([verify_pdf(signed_twice[: len(signed)], anchors=[hospital.root])]) == 0


def test_bytes_after_the_signature_are_named(hospital: Hospital, signed: bytes) -> None:
    """A tail that no signature covers, however harmless."""
    verdict = verify_pdf(signed + b"\n% tail", anchors=[hospital.root])
    assert "pdfsign.bytes-after" in worst_reasons(verdict) or exit_status([verdict]) == 1


def _increment(data: bytes, change: object) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    change(writer)  # type: ignore[operator]
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _first_page(writer: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    return writer.root["/Pages"]["/Kids"][0].get_object()


def _other_content(writer: IncrementalPdfFileWriter) -> None:
    page = _first_page(writer)
    page[pdf_name("/Contents")] = writer.add_object(generic.StreamObject(stream_data=b"0 0 100 100 re f"))
    writer.update_container(page)


def _new_annotation(writer: IncrementalPdfFileWriter) -> None:
    page = _first_page(writer)
    note = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name("/FreeText"),
            pdf_name("/Rect"): generic.ArrayObject([generic.NumberObject(v) for v in (10, 10, 90, 90)]),
            pdf_name("/Contents"): generic.pdf_string("refused"),
        }
    )
    page["/Annots"].append(writer.add_object(note))
    writer.update_container(page["/Annots"])


def _other_appearance(writer: IncrementalPdfFileWriter) -> None:
    widget = writer.root["/AcroForm"]["/Fields"][0].get_object()
    stream = generic.StreamObject(stream_data=b"0 0 10 10 re f")
    stream[pdf_name("/Type")] = pdf_name("/XObject")
    stream[pdf_name("/Subtype")] = pdf_name("/Form")
    stream[pdf_name("/BBox")] = generic.ArrayObject([generic.NumberObject(v) for v in (0, 0, 10, 10)])
    widget["/AP"][pdf_name("/N")] = writer.add_object(stream)
    writer.update_container(widget)


def _ink_overwritten(writer: IncrementalPdfFileWriter) -> None:
    widget = writer.root["/AcroForm"]["/Fields"][0].get_object()
    ink = widget["/AP"]["/N"]["/Resources"]["/XObject"].raw_get("/Ink")
    form = ink.get_object()
    form._data = b"0 g\n"  # type: ignore[attr-defined]
    form._encoded_data = None  # type: ignore[attr-defined]
    writer.mark_update(ink)


def _moved(writer: IncrementalPdfFileWriter) -> None:
    widget = writer.root["/AcroForm"]["/Fields"][0].get_object()
    widget[pdf_name("/Rect")] = generic.ArrayObject([generic.NumberObject(v) for v in (0, 0, 9, 9)])
    writer.update_container(widget)


@pytest.mark.parametrize(
    "change", [_other_content, _new_annotation, _other_appearance, _ink_overwritten, _moved]
)
def test_later_increments_that_are_no_signatures_fail(
    hospital: Hospital, signed: bytes, change: object
) -> None:
    """Other page content, an annotation, another appearance, other ink, a moved field."""
    verdict = verify_pdf(_increment(signed, change), anchors=[hospital.root])
    failed = {c.name for s in verdict.signatures for c in s.checks if c.outcome is Outcome.FAIL}
    assert CheckName.LATER_CHANGES in failed


@pytest.mark.parametrize("change", [_other_content, _other_appearance])
def test_a_second_signature_does_not_cover_up_a_change(
    hospital: Hospital, signed: bytes, change: object
) -> None:
    """The change is signed by the second, and still it is a change after the first."""
    twice = sign(hospital, _increment(signed, change), box=OTHER_BOX, seed=5)
    first, second = verify_pdf(twice, anchors=[hospital.root]).signatures
    assert first.outcome is Outcome.FAIL
    assert second.outcome <= Outcome.NOTE


def test_ink_of_another_signing_fails_by_name(hospital: Hospital, plain: bytes) -> None:
    """R29: a picture that is not the bound one: the binding of the picture is named."""
    bound = hospital.event(document_digest(plain), seed=1, media_type=PDF_MEDIA_TYPE)
    other = hospital.event(document_digest(plain), seed=2, media_type=PDF_MEDIA_TYPE)
    mixed = type(bound)(bound.signer, bound.certificate, other.picture, bound.evidence)
    verdict = verify_pdf(sign(hospital, plain, event=mixed), anchors=[hospital.root])
    assert worst_reasons(verdict) == {"evidence.picture-not-bound"}


def test_event_signatures_tell_what_evidence_is_compared_with(
    hospital: Hospital, plain: bytes, signed: bytes, signed_twice: bytes
) -> None:
    """For whoever holds the evidence: certificate, document digest, canonical picture."""
    first, second = event_signatures(signed_twice)
    assert (first.number, second.number) == (1, 2)
    assert first.document_digest == document_digest(plain)
    assert second.document_digest == document_digest(signed)
    event = hospital.event(document_digest(plain), seed=1, media_type=PDF_MEDIA_TYPE)
    assert first.picture == event.picture.to_bytes()
    assert first.certificate.common_name == "王小明"
    assert event_signatures(plain) == event_signatures(b"") == []


def test_another_document_fails_by_name(hospital: Hospital, plain: bytes) -> None:
    """R29: an event certificate made for one document, used on another."""
    event = hospital.event(document_digest(plain_pdf(text="Other")), media_type=PDF_MEDIA_TYPE)
    verdict = verify_pdf(sign(hospital, plain, event=event), anchors=[hospital.root])
    assert worst_reasons(verdict) == {"evidence.document-not-bound"}


def test_a_signature_that_is_hidden_from_the_form_is_missed(hospital: Hospital, signed: bytes) -> None:
    """An increment that drops the signature field: the marks in the file give it away."""

    def drop(writer: IncrementalPdfFileWriter) -> None:
        del writer.root["/AcroForm"]["/Fields"][0]
        writer.update_container(writer.root["/AcroForm"])

    verdict = verify_pdf(_increment(signed, drop), anchors=[hospital.root])
    assert "pdfsign.hidden-signature" in worst_reasons(verdict)


def test_rewriting_the_file_breaks_the_signature(hospital: Hospital, signed: bytes) -> None:
    """Saved by another program: the same pages, other bytes."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(signed)) as document:
        document.save(out)
    assert exit_status([verify_pdf(out.getvalue(), anchors=[hospital.root])]) == 1


def test_verdicts_do_not_depend_on_now(hospital: Hospital, signed: bytes) -> None:
    """Validity is judged at signing; `at` asks for another moment."""
    from datetime import timedelta

    late = verify_pdf(signed, anchors=[hospital.root], at=hospital.now + timedelta(days=2))
    assert "pki.expired" in worst_reasons(late)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_nothing_is_raised_for_what_a_file_holds(
    data: st.DataObject, hospital: Hospital, signed_twice: bytes
) -> None:
    """Bytes overwritten, cut out or put in anywhere: always a verdict, never one of all valid."""
    start = data.draw(st.integers(0, len(signed_twice) - 1))
    end = data.draw(st.integers(start, min(len(signed_twice), start + 40)))
    piece = data.draw(st.binary(max_size=40))
    changed = signed_twice[:start] + piece + signed_twice[end:]
    verdict = verify_pdf(changed, anchors=[hospital.root])
    assert isinstance(verdict, FileVerdict)
    assert changed == signed_twice or exit_status([verdict]) != 0
