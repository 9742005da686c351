"""R18, R29: the event certificate binds document, manifest, ink, picture and each further blob by name."""

from __future__ import annotations

import uuid

import pytest
from asn1crypto import core, x509
from hypothesis import given
from hypothesis import strategies as st

from signing.evidence import EVENT_BINDING_OID, EventBinding, EvidenceError, check_binding
from signing.evidence import binding as binding_module
from signing.verdict import Check, Outcome
from tests.signing.evidence.conftest import Signed

HASH = st.binary(min_size=32, max_size=32)
NAMES = st.sets(st.sampled_from(["photo", "fingerprint", "id-data", "id-photo", "voice"]))
BINDINGS = st.builds(
    EventBinding,
    HASH,
    HASH,
    HASH,
    HASH,
    HASH,
    NAMES.flatmap(lambda names: st.tuples(*(st.tuples(st.just(n), HASH) for n in sorted(names)))),
)


def broken(checks: tuple[Check, ...]) -> dict[str, str]:
    """Subject to reason of what failed."""
    return {check.subject: check.reason for check in checks if check.outcome is Outcome.FAIL}


def test_the_oid_is_the_uuid() -> None:
    """Minted once: 2.25.<UUID as a number>, never to change."""
    assert f"2.25.{uuid.UUID('5bf2afd5-68c3-4805-944a-6ac1ae71a9db').int}" == EVENT_BINDING_OID


@given(BINDINGS)
def test_round_trip(binding: EventBinding) -> None:
    """R18: one binding, one DER."""
    assert EventBinding.from_der(binding.to_der()) == binding


@given(BINDINGS, st.data())
def test_changed_or_refused(binding: EventBinding, data: st.DataObject) -> None:
    """R18: DER only; nothing is read in two ways."""
    original = binding.to_der()
    at = data.draw(st.integers(0, len(original) - 1))
    changed = original[:at] + bytes([original[at] ^ data.draw(st.integers(1, 255))]) + original[at + 1 :]
    try:
        other = EventBinding.from_der(changed)
    except EvidenceError:
        return
    assert other != binding and other.to_der() == changed


@given(st.binary(max_size=100))
def test_garbage(data: bytes) -> None:
    """Only the documented error escapes."""
    with pytest.raises(EvidenceError, match="bad-binding"):
        EventBinding.from_der(data)


def test_another_library_reads_it(signed: Signed) -> None:
    """The extension is plain X.509 and plain ASN.1 to others."""
    certificate = x509.Certificate.load(signed.event.der)
    found = [
        e for e in certificate["tbs_certificate"]["extensions"] if e["extn_id"].dotted == EVENT_BINDING_OID
    ]
    assert len(found) == 1 and not found[0]["critical"].native
    parsed = core.SequenceOf.load(found[0]["extn_value"].contents, spec=core.Any)
    binding = EventBinding.of_certificate(signed.event)
    assert binding is not None
    assert parsed[0].parse(core.Integer).native == 1
    assert parsed[1].parse(core.OctetString).native == binding.document == b"d" * 32
    assert parsed[3].parse(core.OctetString).native == binding.ink


def test_everything_fits(signed: Signed) -> None:
    """R18: all bindings pass, each by name."""
    checks = check_binding(
        signed.event,
        document_digest=b"d" * 32,
        picture_bytes=signed.signing.blobs["picture"],
        manifest=signed.signing.manifest,
        blobs=signed.signing.blobs,
    )
    assert {check.outcome for check in checks} == {Outcome.PASS}
    assert {check.subject for check in checks} == {"document", "manifest", "ink", "picture", "photo"}


@pytest.mark.parametrize("name", ["ink", "photo", "picture"])
def test_a_changed_blob_is_named(signed: Signed, name: str) -> None:
    """Change ink, photo or picture: fails, naming the binding."""
    data = bytearray(signed.signing.blobs[name])
    data[-1] ^= 1
    changed = dict(signed.signing.blobs) | {name: bytes(data)}
    checks = check_binding(signed.event, manifest=signed.signing.manifest, blobs=changed)
    assert broken(checks) == {name: f"evidence.{name}-not-bound"}


def test_another_signings_ink_is_named(signed: Signed) -> None:
    """Put another signing's ink in: fails, naming the binding."""
    other = signed.house.signing(seed=9)
    changed = dict(signed.signing.blobs) | {"ink": other.blobs["ink"]}
    checks = check_binding(signed.event, manifest=signed.signing.manifest, blobs=changed)
    assert broken(checks) == {"ink": "evidence.ink-not-bound"}


def test_another_signings_evidence_is_named(signed: Signed) -> None:
    """R29: manifest and blobs of one signing under the certificate of another."""
    other = signed.house.signing(seed=9)
    checks = check_binding(signed.event, manifest=other.manifest, blobs=other.blobs)
    assert set(broken(checks)) == {"manifest", "ink", "picture", "photo"}


def test_another_document_is_named(signed: Signed) -> None:
    """R29: the certificate is for one document."""
    assert broken(check_binding(signed.event, document_digest=bytes(32))) == {
        "document": "evidence.document-not-bound"
    }


def test_missing_and_extra_blobs(signed: Signed) -> None:
    """R18: a withheld or an added blob is named."""
    blobs = dict(signed.signing.blobs)
    photo = blobs.pop("photo")
    checks = check_binding(signed.event, manifest=signed.signing.manifest, blobs=blobs | {"voice": photo})
    assert broken(checks) == {"photo": "evidence.blob-missing", "voice": "evidence.blob-not-bound"}


def test_without_the_manifest_only_the_picture_can_be_checked(signed: Signed) -> None:
    """R18: salts are in the manifest; who has none learns nothing about ink or photo."""
    checks = {c.subject: c.outcome for c in check_binding(signed.event, blobs=signed.signing.blobs)}
    assert checks == {"picture": Outcome.PASS, "ink": Outcome.UNDECIDED, "photo": Outcome.UNDECIDED}


def test_a_certificate_without_binding(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    """R29: another kind of certificate proves no evidence, a broken extension neither."""
    assert broken(check_binding(signed.house.station, document_digest=bytes(32))) == {
        "certificate": "evidence.binding-missing"
    }
    monkeypatch.setattr(binding_module, "EVENT_BINDING_OID", "2.5.29.14")
    assert broken(check_binding(signed.house.station)) == {"certificate": "evidence.bad-binding"}


def test_an_unreadable_manifest(signed: Signed) -> None:
    """R29: it is neither bound nor readable; ink cannot be compared without its salt."""
    checks = check_binding(signed.event, manifest=b"{}", blobs=signed.signing.blobs)
    assert broken(checks)["manifest"] == "evidence.bad-manifest"
    assert {c.subject for c in checks if c.outcome is Outcome.UNDECIDED} == {"ink", "photo"}
