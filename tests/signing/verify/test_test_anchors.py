"""R29: whatever a verdict rests on names its anchors, and a test anchor shows wherever it is used."""

from __future__ import annotations

import pytest

from signing.ofd.signatures import SealMaker, document_digest, normalise, sign_ofd
from signing.pdf import document_digest as pdf_digest
from signing.pdf import normalise_pdf, sign_pdf
from signing.verdict import FileVerdict
from signing.verify import verify_bytes
from signing.verify.text import lines
from signing.wire import PDF_MEDIA_TYPE, StampBox
from tests.support.documents import small_pdf
from tests.support.hospital import Hospital
from tests.support.tiny_ofd import tiny_ofd

BOX = StampBox(0, 20, 20, 60, 20)


@pytest.fixture(scope="module")
def real() -> Hospital:
    return Hospital(name="仁和医院")


def _ofd(signs: Hospital, seals: Hospital, stamps: Hospital) -> FileVerdict:
    data = normalise(tiny_ofd())
    event = signs.event(document_digest(data))
    signed = sign_ofd(
        data,
        boxes=[BOX],
        picture=event.picture,
        signer=event.signer,
        certificate=event.certificate,
        chain=[signs.ca],
        seal_maker=SealMaker(seals.maker_signer, seals.maker, (seals.ca,)),
        stamper=stamps.tsa,
        signed_at=signs.now,
    )
    return verify_bytes("a.ofd", signed, list({h.root: None for h in (signs, seals, stamps)}))


def test_no_test_anchor_where_none_is_used(real: Hospital) -> None:
    verdict = _ofd(real, real, real)
    assert (verdict.signatures[0].test_anchors, verdict.signatures[0].test_anchor) == ((), False)
    assert not any(line.lstrip().startswith("测试") for line in lines(verdict, "zh_CN"))


@pytest.mark.parametrize("part", ["signer", "seal-maker", "time stamp"])
def test_each_path_of_an_ofd_can_bring_the_test_anchor(part: str, real: Hospital, hospital: Hospital) -> None:
    verdict = _ofd(*(hospital if part == name else real for name in ("signer", "seal-maker", "time stamp")))
    signature = verdict.signatures[0]
    assert signature.test_anchors == (hospital.root.subject_text,)
    assert signature.as_dict()["test_anchor"] is True
    told = list(lines(verdict, "zh_CN"))
    assert told[0].startswith("测试") and hospital.root.subject_text in told[0]


def test_the_test_anchor_of_a_time_stamp_in_a_pdf_shows(real: Hospital, hospital: Hospital) -> None:
    ready = normalise_pdf(small_pdf())
    event = real.event(pdf_digest(ready), media_type=PDF_MEDIA_TYPE)
    signed = sign_pdf(
        ready,
        box=BOX,
        picture=event.picture,
        signer=event.signer,
        certificate=event.certificate,
        chain=[real.ca],
        stamper=hospital.tsa,
        signed_at=real.now,
    )
    verdict = verify_bytes("a.pdf", signed, [real.root, hospital.root])
    assert verdict.signatures[0].test_anchors == (hospital.root.subject_text,)
    assert verdict.signatures[0].anchor == real.root.subject_text
