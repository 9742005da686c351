"""R29, R47: the evidence ZIP: built in one way, read within limits, every change found and named."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signing.evidence import (
    DocumentSignature,
    EvidenceContents,
    EvidenceError,
    SigningEvidence,
    build_evidence_zip,
    check_evidence_zip,
    match_documents,
    parse_evidence_zip,
)
from signing.evidence import archive as archive_module
from signing.evidence.archive import read_archive, write_archive
from signing.pki import Certificate
from signing.sm import sm3
from signing.verdict import Outcome, has_message
from signing.wire import dump_json, parse_json
from tests.signing.evidence.conftest import House, Signed

Entries = dict[str, bytes]


def build(*signings: SigningEvidence, **changes: object) -> bytes:
    """A ZIP around one document."""
    options: dict[str, object] = {
        "task_id": "task-1",
        "documents": {"consent.ofd": b"PK signed document with its token"},
        "signings": signings,
        "issuers": [],
        "log": [{"event": "task-created", "at": 1}],
    }
    return build_evidence_zip(**(options | changes))  # type: ignore[arg-type]


def rewritten(data: bytes, change: Callable[[Entries], None], *, relist: bool = True) -> bytes:
    """The ZIP with its entries changed and, as a forger would, its hash list made to fit."""
    entries = read_archive(data)
    change(entries)
    if relist:
        files = [
            {"path": name, "size": len(content), "sm3": sm3(content).hex()}
            for name, content in sorted(entries.items())
            if name != "hashes.json"
        ]
        entries["hashes.json"] = dump_json({"version": 1, "files": files})
    return write_archive(entries)


def failures(contents: EvidenceContents) -> dict[str, str]:
    """Subject to reason of everything that failed."""
    checks = [*contents.checks, *(check for signing in contents.signings for check in signing.checks)]
    return {check.subject: check.reason for check in checks if check.outcome is Outcome.FAIL}


def outcomes(contents: EvidenceContents) -> set[Outcome]:
    """All outcomes anywhere."""
    return {c.outcome for c in contents.checks} | {c.outcome for s in contents.signings for c in s.checks}


@pytest.fixture(scope="module")
def archive(signed: Signed) -> bytes:
    """A ZIP with one signing."""
    return build(signed.signing)


def test_whole_evidence_passes(signed: Signed, archive: bytes) -> None:
    """R29: everything passes with the anchor; simulated capture is noted."""
    contents = check_evidence_zip(archive, [signed.house.root])
    assert outcomes(contents) == {Outcome.PASS, Outcome.NOTE}
    assert contents.documents == (("consent.ofd", b"PK signed document with its token"),)
    assert contents.task_id == "task-1"
    (signing,) = contents.signings
    assert signing.manifest is not None and signing.manifest.signer_name == "李永明"
    assert signing.event_certificate == signed.event
    assert signing.station_path is not None and signing.station_path.anchor == signed.house.root


def test_without_anchor_it_is_undecided(archive: bytes) -> None:
    """protocol.md: the same file without the anchor is not decidable, and nothing else is lost."""
    contents = check_evidence_zip(archive, [])
    assert Outcome.UNDECIDED in outcomes(contents)
    assert failures(contents) == {}


def test_every_reason_has_a_sentence(signed: Signed, archive: bytes) -> None:
    """Each line that a person reads exists in both languages, with no hole in it."""
    contents = check_evidence_zip(archive, [signed.house.root])
    for check in [*contents.checks, *contents.signings[0].checks]:
        for language in ("zh_CN", "en"):
            assert has_message(check.reason, language), check.reason
            assert "{" not in check.text(language)


def test_the_same_evidence_gives_the_same_bytes(signed: Signed, archive: bytes) -> None:
    """R47: a ZIP can be built again and compared."""
    assert build(signed.signing) == archive
    assert zipfile.ZipFile(io.BytesIO(archive)).testzip() is None


@pytest.mark.parametrize("name", ["ink", "photo", "picture"])
def test_a_changed_blob_is_named_even_when_the_list_is_made_to_fit(
    signed: Signed, archive: bytes, name: str
) -> None:
    """Change ink, photo or picture: fails, naming the binding."""

    def change(entries: Entries) -> None:
        entries[f"media/001/{name}"] = entries[f"media/001/{name}"][:-1] + b"!"

    contents = check_evidence_zip(rewritten(archive, change), [signed.house.root])
    found = [(c.subject, c.reason) for c in contents.signings[0].checks if c.outcome is Outcome.FAIL]
    assert (name, f"evidence.{name}-not-bound") in found


def test_another_signings_ink_is_named(signed: Signed, archive: bytes) -> None:
    """Put another signing's ink in: fails, naming the binding; the picture is no longer drawn from it."""
    other = signed.house.signing(seed=5)

    def change(entries: Entries) -> None:
        entries["media/001/ink"] = other.blobs["ink"]

    contents = check_evidence_zip(rewritten(archive, change), [signed.house.root])
    assert failures(contents) == {
        "ink": "evidence.ink-not-bound",
        "picture": "evidence.picture-not-from-ink",
    }


def test_a_forged_manifest_is_named(signed: Signed, archive: bytes) -> None:
    """R29: a changed manifest loses the station's signature and the certificate's binding."""

    def change(entries: Entries) -> None:
        entries["manifests/001.json"] = entries["manifests/001.json"].replace(
            "李永明".encode(), "王小明".encode()
        )

    contents = check_evidence_zip(rewritten(archive, change), [signed.house.root])
    assert failures(contents) == {
        "manifests/001.json": "evidence.station-signature-wrong",
        "manifest": "evidence.manifest-not-bound",
    }


def test_an_unknown_station_is_undecided(signed: Signed) -> None:
    """R29: a station of another hospital signs as well as it likes; its path ends nowhere."""
    stranger = House()
    contents = check_evidence_zip(build(stranger.signing()), [signed.house.root])
    assert failures(contents) == {}
    path = contents.signings[0].station_path
    assert path is not None and path.anchor is None


def test_a_file_that_does_not_fit_the_list(signed: Signed, archive: bytes) -> None:
    """R47: changed, unlisted and missing files are named."""

    def change(entries: Entries) -> None:
        entries["documents/consent.ofd"] += b"!"
        entries["documents/other.pdf"] = b"%PDF"
        del entries["timestamps/001.tst"]

    contents = check_evidence_zip(rewritten(archive, change, relist=False), [signed.house.root])
    assert failures(contents) == {
        "documents/consent.ofd": "evidence.file-changed",
        "documents/other.pdf": "evidence.not-listed",
        "timestamps/001.tst": "evidence.file-missing",
    }


def test_another_tasks_manifest_is_named(signed: Signed) -> None:
    """R29: evidence of one task in the ZIP of another."""
    contents = check_evidence_zip(build(signed.signing, task_id="task-2"), [signed.house.root])
    assert failures(contents) == {"manifests/001.json": "evidence.other-task"}


def test_packed_again_by_another_program(signed: Signed, archive: bytes) -> None:
    """R47: contents are what counts; that the container is another one is said."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in reversed(read_archive(archive).items()):
            target.writestr(name, content)
    contents = check_evidence_zip(stream.getvalue(), [signed.house.root])
    assert failures(contents) == {}
    reasons = {check.reason: check.outcome for check in contents.checks}
    assert reasons["evidence.container-rewritten"] is Outcome.WARNING
    assert reasons["evidence.log-not-signed"] is Outcome.NOTE  # nobody should take the log for proof


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_changed_bit_is_noticed(signed: Signed, archive: bytes, data: st.DataObject) -> None:
    """R47: one flipped bit anywhere: the ZIP is refused or some check is no longer PASS or NOTE."""
    at = data.draw(st.integers(0, len(archive) - 1))
    changed = bytearray(archive)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        contents = check_evidence_zip(bytes(changed), [signed.house.root])
    except EvidenceError:
        return
    assert max(outcomes(contents)) >= Outcome.WARNING


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda e: e.pop("hashes.json"), "missing-entry"),
        (lambda e: e.pop("index.json"), "missing-entry"),
        (lambda e: e.pop("log.json"), "missing-entry"),
        (lambda e: e.pop("manifests/001.sig"), "missing-entry"),
        (lambda e: e.pop("documents/consent.ofd"), "missing-entry"),
        (lambda e: e.pop("certificates/001-event.der"), "missing-entry"),
        (lambda e: e.update({"extra.txt": b""}), "unexpected-entry"),
        (lambda e: e.update({"documents/run.exe": b""}), "unexpected-entry"),
        (lambda e: e.update({"media/002/ink": b""}), "unexpected-entry"),
        (lambda e: e.update({"index.json": b"{}"}), "bad-index"),
        (lambda e: e.update({"log.json": b"[1.5]"}), "bad-log"),
        (lambda e: e.update({"hashes.json": b"{}"}), "bad-hashes"),
    ],
)
def test_the_layout_is_strict(archive: bytes, change: Callable[[Entries], object], code: str) -> None:
    """R47: nothing missing, nothing beside."""
    entries = read_archive(archive)
    change(entries)
    with pytest.raises(EvidenceError, match=code):
        check_evidence_zip(write_archive(entries), [])


def test_what_cannot_be_built(signed: Signed) -> None:
    """R47: a ZIP that could not be read is not written."""
    signing = signed.signing
    for arguments, changes in (
        ((), {}),
        ((signing,), {"documents": {"同意书.ofd": b""}}),
        ((signing,), {"documents": {"../x.ofd": b""}}),
        ((signing,), {"documents": {}}),
        ((dataclasses.replace(signing, document="other.ofd"),), {}),
        ((dataclasses.replace(signing, blobs={}),), {}),
        ((dataclasses.replace(signing, blobs={**signing.blobs, "voice": b""}),), {}),
        ((signing,), {"log": [{"x": 1.5}]}),
    ):
        with pytest.raises(EvidenceError):
            build(*arguments, **changes)


def _fill(archive: zipfile.ZipFile, names: list[str]) -> None:
    for name in names:
        archive.writestr(name, b"")


def _zip(write: Callable[[zipfile.ZipFile], None]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        write(archive)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not-an-archive"),
        (b"PK\x05\x06" + bytes(18), "missing-entry"),
        (bytes(100_000), "not-an-archive"),
        (_zip(lambda z: z.writestr("../x", b"")), "bad-entry-name"),
        (_zip(lambda z: z.writestr("/x", b"")), "bad-entry-name"),
        (_zip(lambda z: z.writestr("a\\b", b"")), "bad-entry-name"),
        (_zip(lambda z: z.writestr("a/", b"")), "bad-entry-name"),
        (_zip(lambda z: z.writestr("文", b"")), "bad-entry-name"),
        (_zip(lambda z: z.writestr(".hidden", b"")), "bad-entry-name"),
        (_zip(lambda z: _fill(z, [f"f{i}" for i in range(600)])), "archive-too-large"),
    ],
)
def test_hostile_archives(data: bytes, code: str) -> None:
    """R45: names that leave the folder, too many entries, things that are no ZIP."""
    with pytest.raises(EvidenceError, match=code):
        parse_evidence_zip(data)


def test_bombs_are_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """R45: announced sizes count before, real sizes while unpacking."""
    monkeypatch.setattr(archive_module, "MAX_ENTRY_BYTES", 1000)
    bomb = _zip(lambda z: z.writestr("a", bytes(10_000)))
    with pytest.raises(EvidenceError, match="archive-too-large"):
        read_archive(bomb)
    lying = bytearray(bomb)
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = lying.find(mark) + offset
        lying[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(EvidenceError):
        read_archive(bytes(lying))


def test_duplicates_links_and_encryption() -> None:
    """R45: one name once, plain files only."""
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = _zip(lambda z: _fill(z, ["a", "a"]))
    with pytest.raises(EvidenceError, match="duplicate-entry"):
        read_archive(twice)
    link = zipfile.ZipInfo("a")
    link.external_attr = 0o120777 << 16
    with pytest.raises(EvidenceError, match="bad-entry"):
        read_archive(_zip(lambda z: z.writestr(link, b"/etc/passwd")))
    encrypted = bytearray(_zip(lambda z: z.writestr("a", b"1")))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.find(mark) + offset] |= 1
    with pytest.raises(EvidenceError, match="bad-entry"):
        read_archive(bytes(encrypted))


@given(st.binary(max_size=300))
def test_garbage(data: bytes) -> None:
    """Only the documented error escapes."""
    for candidate in (data, b"PK\x03\x04" + data + b"PK\x05\x06" + bytes(18)):
        with pytest.raises(EvidenceError):
            parse_evidence_zip(candidate)


def test_matching_with_the_documents(signed: Signed, archive: bytes) -> None:
    """R29: the verifier of the documents says what it found; certificate, digest and picture must fit."""
    contents = check_evidence_zip(archive, [signed.house.root])
    good = DocumentSignature("consent.ofd", signed.event, b"d" * 32, signed.signing.blobs["picture"])
    by_signing, loose = match_documents(contents, [good])
    assert {check.outcome for check in by_signing[1]} == {Outcome.PASS} and loose == ()
    other = Certificate.from_der(signed.house.signing(seed=3).event_certificate)
    cases = {
        "evidence.signing-not-in-document": [dataclasses.replace(good, certificate=other)],
        "evidence.signature-twice": [good, good],
        "evidence.document-not-bound": [dataclasses.replace(good, document_digest=bytes(32))],
        "evidence.picture-not-bound": [dataclasses.replace(good, picture=b"x")],
    }
    for reason, signatures in cases.items():
        by_signing, _ = match_documents(contents, signatures)
        assert reason in {check.reason for check in by_signing[1] if check.outcome is Outcome.FAIL}
    _, loose = match_documents(contents, [good, dataclasses.replace(good, certificate=other)])
    assert [check.reason for check in loose] == ["evidence.signature-without-evidence"]
    assert loose[0].outcome is Outcome.UNDECIDED
    _, loose = match_documents(contents, [good, dataclasses.replace(good, certificate=signed.house.station)])
    assert loose == ()


def test_the_list_names_every_file(archive: bytes) -> None:
    """R47: hashes.json lists all files but itself."""
    entries = read_archive(archive)
    listed = {item["path"] for item in parse_json(entries["hashes.json"], max_bytes=100_000)["files"]}
    assert listed == set(entries) - {"hashes.json"}


def test_incomplete_ink_is_said(signed: Signed) -> None:
    """R10: a gap in the ink is a warning in the verdict, unreadable ink a failure."""
    from signing.evidence import check_ink, check_picture
    from signing.ink import decode_record, encode_record

    record = decode_record(signed.signing.blobs["ink"])
    lost = encode_record(record.device, record.samples[:60] + record.samples[61:], started_at_us=1)
    assert check_ink(signed.signing.blobs["ink"]).outcome is Outcome.PASS
    assert check_ink(lost).reason == "evidence.ink-incomplete"
    assert check_ink(b"").reason == check_picture(b"", b"").reason == "evidence.ink-unreadable"
