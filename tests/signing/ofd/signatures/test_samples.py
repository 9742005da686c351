"""R28: verdicts on documents that others signed, as listed in the knowledge chapter on OFD."""

from __future__ import annotations

from pathlib import Path

import pytest

from signing.ofd.signatures import verify_ofd
from signing.verdict import CheckName, FileVerdict, Outcome, SignatureVerdict, exit_status

INTACT = {
    CheckName.INTEGRITY,
    CheckName.DATA_HASH,
    CheckName.SIGNATURE_VALUE,
    CheckName.SIGNER_IN_SEAL,
}


def _verdict(folder: Path, name: str) -> FileVerdict:
    return verify_ofd((folder / "ofd" / name).read_bytes(), anchors=[], name=name)


def _failed(signature: SignatureVerdict, name: CheckName) -> list[str]:
    return [c.subject for c in signature.checks if c.name is name and c.outcome is Outcome.FAIL]


def _reasons(verdict: FileVerdict) -> dict[str, Outcome]:
    return {check.reason: check.outcome for check in verdict.all_checks()}


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("ofdrw/converter/1.ofd", 1),
        ("ofdrw/converter/999.ofd", 1),
        ("ofdrw/converter/V4RideRight.ofd", 1),
        ("ofdrw/converter/draw_param_ref.ofd", 1),
        ("ofdrw/sign/allprotected.ofd", 1),
        ("ofdrw/reader/SESV4SignDoc.ofd", 1),
        ("easyofd-java/image-seal.ofd", 1),
        ("ofdrw/converter/h.ofd", 2),
    ],
)
def test_intact_signatures_of_others(shared_testdata: Path, name: str, number: int) -> None:
    """Digests, value, seal and signer hold; only the unknown anchor keeps them from being valid."""
    signature = next(s for s in _verdict(shared_testdata, name).signatures if s.number == number)
    assert signature.kind == "ses-v4"
    for check in signature.checks:
        if check.name in INTACT:
            assert check.outcome < Outcome.UNDECIDED, check
    assert any(check.reason == "seal.seal-good" for check in signature.checks)
    assert any(check.reason == "pki.no-anchor" for check in signature.checks)


def test_expired_seal_is_said(shared_testdata: Path) -> None:
    """What ofdrw accepts: a signature made years after seal and certificate had ended."""
    (signature,) = _verdict(shared_testdata, "ofdrw/reader/SESV4SignDoc.ofd").signatures
    reasons = {check.reason for check in signature.checks if check.outcome is Outcome.FAIL}
    assert reasons == {"seal.outside-period", "pki.expired", "seal.claimed-outside-validity"}


def test_n_is_wrong_in_everything(shared_testdata: Path) -> None:
    """v1 layout, CheckMethod with suffix .2, six digests and the data hash wrong."""
    (signature,) = _verdict(shared_testdata, "ofdrw/converter/n.ofd").signatures
    assert signature.kind == "ses-v1"
    assert len(_failed(signature, CheckName.INTEGRITY)) == 6
    assert _failed(signature, CheckName.DATA_HASH) == [""]


def test_zsbk_two_pages_altered_under_both_seals(shared_testdata: Path) -> None:
    verdict = _verdict(shared_testdata, "ofdrw/converter/zsbk.ofd")
    assert len(verdict.signatures) == 2
    for signature in verdict.signatures:
        assert sorted(_failed(signature, CheckName.INTEGRITY)) == [
            "Doc_0/Pages/Page_0/Content.xml",
            "Doc_0/Pages/Page_1/Content.xml",
        ]
        assert not _failed(signature, CheckName.SIGNATURE_VALUE)


def test_h_each_seal_has_its_own_verdict(shared_testdata: Path) -> None:
    """The first was WholeProtected and is broken by the second, which holds."""
    first, second = _verdict(shared_testdata, "ofdrw/converter/h.ofd").signatures
    assert _failed(first, CheckName.INTEGRITY) == ["Doc_0/Signs/Signatures.xml"]
    assert not _failed(second, CheckName.INTEGRITY)


def test_keyword_raw_values_hold_and_digests_do_not(shared_testdata: Path) -> None:
    """r‖s in a seal signature and in the plain form of GB/T 35275."""
    verdict = _verdict(shared_testdata, "ofdrw/layout/keyword.ofd")
    assert [signature.kind for signature in verdict.signatures] == ["ses-v4", "gbt35275"]
    for signature in verdict.signatures:
        assert len(_failed(signature, CheckName.INTEGRITY)) == 3
        assert not _failed(signature, CheckName.SIGNATURE_VALUE)
        told = {c.reason: c.params for c in signature.checks}
        assert "seal.raw-value" in told or "signature-form" in told["cms.tolerated"]["quirks"]
    second = verdict.signatures[1]
    assert any(c.reason == "ofdsign.content-good" for c in second.checks)
    assert not _failed(second, CheckName.VALIDITY)


def test_wrong_algorithm_identifier_is_a_warning(shared_testdata: Path) -> None:
    verdict = _verdict(shared_testdata, "easyofd-java/image-seal.ofd")
    assert _reasons(verdict)["seal.wrong-algorithm"] is Outcome.WARNING


def test_bare_value_has_no_certificate(shared_testdata: Path) -> None:
    (signature,) = _verdict(shared_testdata, "ofdrw/sign/DigitalSign.ofd").signatures
    assert signature.kind == "bare"
    assert [c.reason for c in signature.checks if c.outcome is Outcome.UNDECIDED] == [
        "ofdsign.no-certificate"
    ]


def test_missing_list_is_neither_unsigned_nor_a_crash(shared_testdata: Path) -> None:
    verdict = _verdict(shared_testdata, "ofdrw/layout/fptpl.ofd")
    assert _reasons(verdict)["ofdsign.list-missing"] is Outcome.UNDECIDED
    assert "ofdsign.unsigned" not in _reasons(verdict)
    assert exit_status([verdict]) == 2


def test_unsigned_is_not_decidable(shared_testdata: Path) -> None:
    verdict = _verdict(shared_testdata, "ofdrw/converter/helloworld.ofd")
    assert _reasons(verdict)["ofdsign.unsigned"] is Outcome.UNDECIDED


def test_unprotected_members_are_weighed_by_what_pages_use(shared_testdata: Path) -> None:
    """draw_param_ref: two templates; 999: OFD.xml, from which no page draws."""
    (signature,) = _verdict(shared_testdata, "ofdrw/converter/draw_param_ref.ofd").signatures
    reached = [c.subject for c in signature.checks if c.reason == "ofdsign.unprotected-reached"]
    assert reached == ["Doc_0/TPLS/TPL_0/Content.xml", "Doc_0/TPLS/TPL_1/Content.xml"]
    (signature,) = _verdict(shared_testdata, "ofdrw/converter/999.ofd").signatures
    loose = {c.subject: c.outcome for c in signature.checks if c.name is CheckName.UNPROTECTED}
    assert loose == {"OFD.xml": Outcome.WARNING}


def test_every_sample_gets_a_verdict(shared_testdata: Path) -> None:
    """No document of others makes the verifier stumble, and none is valid without an anchor."""
    for path in sorted((shared_testdata / "ofd").rglob("*.ofd")):
        assert exit_status([verify_ofd(path.read_bytes(), anchors=[])]) in (1, 2), path.name
