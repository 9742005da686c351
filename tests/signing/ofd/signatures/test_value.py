"""R28: signature values of type Sign, in both forms of GB/T 35275, and what cannot be told."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from signing.cms import build_signed_data
from signing.ofd.package import open_package, update_package
from signing.ofd.signatures import normalise, verify_ofd
from signing.ofd.signatures.value import claimed_time
from signing.sm import der, sm3
from signing.verdict import FileVerdict, Outcome
from tests.support.hospital import Event, Hospital
from tests.support.tiny_ofd import NAMESPACE, tiny_ofd

FOLDER = "Doc_0/Signs/Sign_0"


@pytest.fixture(scope="module")
def event(hospital: Hospital) -> Event:
    return hospital.event(bytes(32))


def _signature_xml(data: bytes, method: str = "SM3") -> bytes:
    package = open_package(data)
    references = "".join(
        f'<ofd:Reference FileRef="/{name}"><ofd:CheckValue>'
        f"{base64.b64encode(sm3(package.read(name))).decode()}</ofd:CheckValue></ofd:Reference>"
        for name in package.names()
        if not name.endswith("Signatures.xml")
    )
    check_method = f' CheckMethod="{method}"' if method else ""
    return (
        f'<ofd:Signature {NAMESPACE}><ofd:SignedInfo><ofd:Provider ProviderName="other"/>'
        "<ofd:SignatureDateTime>2026-06-01 12:00:00</ofd:SignatureDateTime>"
        f"<ofd:References{check_method}>{references}</ofd:References></ofd:SignedInfo>"
        f"<ofd:SignedValue>SignedValue.dat</ofd:SignedValue></ofd:Signature>"
    ).encode()


def _document(value: bytes, xml: bytes, data: bytes) -> bytes:
    listing = (
        f'<ofd:Signatures {NAMESPACE}><ofd:Signature ID="1" Type="Sign" BaseLoc="Sign_0/Signature.xml"/>'
        "</ofd:Signatures>"
    ).encode()
    return update_package(
        open_package(data),
        {
            "Doc_0/Signs/Signatures.xml": listing,
            f"{FOLDER}/Signature.xml": xml,
            f"{FOLDER}/SignedValue.dat": value,
        },
    )


def _verify(hospital: Hospital, value: bytes, xml: bytes, data: bytes) -> FileVerdict:
    return verify_ofd(_document(value, xml, data), anchors=[hospital.root])


def _reasons(verdict: FileVerdict) -> dict[str, Outcome]:
    return {check.reason: check.outcome for check in verdict.signatures[0].checks}


@pytest.fixture(scope="module")
def ready() -> bytes:
    return normalise(tiny_ofd())


@pytest.mark.parametrize("form", ["digest", "digest as base64", "detached"])
def test_gbt35275_forms(hospital: Hospital, event: Event, ready: bytes, form: str) -> None:
    xml = _signature_xml(ready)
    content = {
        "digest": sm3(xml),
        "digest as base64": base64.b64encode(sm3(xml)),
        "detached": xml,
    }[form]
    value = build_signed_data(
        content,
        signer=event.signer,
        certificate=event.certificate,
        chain=[hospital.ca],
        dialect="gbt35275",
        detached=form == "detached",
        signing_time=hospital.now,
    )
    verdict = _verify(hospital, value, xml, ready)
    (signature,) = verdict.signatures
    assert signature.kind == "gbt35275"
    assert signature.signer == "王小明"
    assert signature.outcome <= Outcome.NOTE, _reasons(verdict)
    assert signature.test_anchor
    broken = _verify(hospital, value, xml.replace(b"other", b"Other"), ready).signatures[0]
    assert broken.outcome is Outcome.FAIL


def test_bare_numbers_name_nobody(hospital: Hospital, event: Event, ready: bytes) -> None:
    xml = _signature_xml(ready)
    for value in (event.signer.sign(xml), bytes(range(64))):
        verdict = _verify(hospital, value, xml, ready)
        assert _reasons(verdict)["ofdsign.no-certificate"] is Outcome.UNDECIDED
        assert verdict.signatures[0].kind == "bare"


@pytest.mark.parametrize("value", [b"", b"\x30", b"hello", der.sequence(), der.sequence(der.integer(1))])
def test_value_of_no_known_form(hospital: Hospital, ready: bytes, value: bytes) -> None:
    reasons = _reasons(_verify(hospital, value, _signature_xml(ready), ready))
    assert reasons["ofdsign.value-unknown"] is Outcome.FAIL


@pytest.mark.parametrize(
    ("method", "reason", "outcome"),
    [
        ("sm3", "ofdsign.members-good", Outcome.PASS),
        ("1.2.156.10197.1.401", "ofdsign.members-good", Outcome.PASS),
        ("", "ofdsign.no-check-method", Outcome.WARNING),
        ("MD5", "ofdsign.weak-digest", Outcome.UNDECIDED),
        ("SHA1", "ofdsign.weak-digest", Outcome.UNDECIDED),
        ("SHA256", "ofdsign.member-changed", Outcome.FAIL),
        ("whirlpool", "ofdsign.unknown-digest", Outcome.UNDECIDED),
    ],
)
def test_check_methods(
    hospital: Hospital, event: Event, ready: bytes, method: str, reason: str, outcome: Outcome
) -> None:
    xml = _signature_xml(ready, method)
    assert _reasons(_verify(hospital, event.signer.sign(xml), xml, ready))[reason] is outcome


def test_missing_parts_are_named(hospital: Hospital, ready: bytes) -> None:
    document = _document(b"", _signature_xml(ready), ready)
    package = open_package(document)
    without_value = verify_ofd(update_package(package, {f"{FOLDER}/SignedValue.dat": None}), anchors=[])
    assert _reasons(without_value)["ofdsign.value-missing"] is Outcome.FAIL
    without_xml = verify_ofd(update_package(package, {f"{FOLDER}/Signature.xml": None}), anchors=[])
    assert _reasons(without_xml) == {"ofdsign.signature-missing": Outcome.FAIL}
    broken = verify_ofd(update_package(package, {f"{FOLDER}/Signature.xml": b"<a"}), anchors=[])
    assert _reasons(broken) == {"ofd.xml-broken": Outcome.FAIL}


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("20260601040000Z", 4),
        ("2026-06-01T04:00:00Z", 4),
        ("2026-06-01 12:00:00", 4),
        ("20260601120000", 4),
        ("yesterday", None),
        ("", None),
    ],
)
def test_claimed_times(text: str, hour: int | None) -> None:
    due = None if hour is None else datetime(2026, 6, 1, hour, tzinfo=UTC)
    assert claimed_time(text) == due


def test_long_lists_are_cut_and_counted(hospital: Hospital, event: Event) -> None:
    """A file of thousands of loose or changed members does not make thousands of lines."""
    before = normalise(tiny_ofd({f"Doc_0/x/{number}.bin": b"x" for number in range(500)}))
    xml = _signature_xml(before)
    after = normalise(tiny_ofd({f"Doc_0/{kind}/{n}.bin": b"y" for kind in "xy" for n in range(500)}))
    checks = _verify(hospital, event.signer.sign(xml), xml, after).signatures[0].checks
    more = {(c.name.value, c.outcome): c.params["count"] for c in checks if c.reason == "ofdsign.and-more"}
    assert more == {("integrity", Outcome.FAIL): "300", ("unprotected", Outcome.WARNING): "300"}
