"""Judges every signature of an OFD, each with a verdict of its own, and the package as a whole."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from signing.ofd.errors import OfdError
from signing.ofd.model import load_document
from signing.ofd.package import OfdPackage, open_package
from signing.ofd.signatures.binding import KNOWN_EXTENSIONS, check_event_binding
from signing.ofd.signatures.container import (
    CONTAINER_OID,
    audit,
    check_canonical,
    read_container_extension,
)
from signing.ofd.signatures.errors import OfdSignError
from signing.ofd.signatures.listing import (
    Entry,
    SignatureFile,
    SignatureList,
    read_lists,
    read_signature_file,
)
from signing.ofd.signatures.protection import Members, check_references, check_unprotected
from signing.ofd.signatures.reach import reached_members
from signing.ofd.signatures.sign import PROVIDER
from signing.ofd.signatures.value import ValueResult, judge_value
from signing.pki import Certificate
from signing.seal import Seal, SealError, SealSignature
from signing.verdict import Check, CheckName, FileVerdict, Outcome, SignatureVerdict

_OWN_FILES = frozenset({"signature.xml", "signedvalue.dat"})


def verify_ofd(
    data: bytes, *, anchors: Sequence[Certificate], at: datetime | None = None, name: str = ""
) -> FileVerdict:
    """The verdict on an OFD: one `SignatureVerdict` for each entry of its signature lists, in their order.

    `anchors` are the only certificates trusted. Validity is judged at each signature's time stamp, else at
    its claimed time, or at `at` (aware) when given. Nothing is raised for what the file holds: what cannot
    be read becomes a check. A file without a signature is not decidable.
    """
    try:
        package = open_package(data)
    except OfdError as error:
        return FileVerdict(name, "ofd", (), (_from_error(Outcome.UNDECIDED, error),))
    try:
        lists = read_lists(package)
    except (OfdError, OfdSignError) as error:
        return FileVerdict(name, "ofd", (), (*audit(data), _from_error(Outcome.FAIL, error)))
    verifier = _Verifier(package, lists, anchors, at)
    signatures = tuple(verifier.verdicts())
    return FileVerdict(name, "ofd", signatures, tuple(verifier.file_checks()))


@dataclass(frozen=True, slots=True)
class _Listed:
    """An entry of a list, and its Signature.xml when that can be read."""

    number: int
    listing: SignatureList
    entry: Entry
    file: SignatureFile | None
    problem: Check | None

    @property
    def is_ours(self) -> bool:
        return self.file is not None and self.file.provider == PROVIDER


class _Verifier:
    def __init__(
        self,
        package: OfdPackage,
        lists: Sequence[SignatureList],
        anchors: Sequence[Certificate],
        at: datetime | None,
    ) -> None:
        self._package = package
        self._lists = lists
        self._anchors = anchors
        self._at = at
        self._members = Members(package)
        self._listed = [
            self._read(number, listing, entry)
            for number, (listing, entry) in enumerate(
                ((listing, entry) for listing in lists for entry in listing.entries), start=1
            )
        ]
        self._values: dict[int, ValueResult] = {}

    def verdicts(self) -> list[SignatureVerdict]:
        """One verdict for each listed signature."""
        return [self._verdict(item) for item in self._listed]

    def file_checks(self) -> list[Check]:
        """What belongs to the package and not to one signature; call after `verdicts`."""
        checks = self._container_checks()
        checks += self._list_checks()
        checks += self._page_checks()
        for tolerance in self._package.tolerances:
            checks.append(
                Check(CheckName.STRUCTURE, Outcome.WARNING, tolerance.code, "", dict(tolerance.params))
            )
        return checks or [Check(CheckName.STRUCTURE, Outcome.PASS, "ofdsign.structure-good")]

    # One signature

    def _read(self, number: int, listing: SignatureList, entry: Entry) -> _Listed:
        if entry.member is None:
            problem = Check(CheckName.STRUCTURE, Outcome.FAIL, "ofdsign.signature-missing", entry.location)
            return _Listed(number, listing, entry, None, problem)
        try:
            file = read_signature_file(self._package, entry.member)
        except OfdError as error:
            return _Listed(number, listing, entry, None, _from_error(Outcome.FAIL, error, entry.member))
        return _Listed(number, listing, entry, file, None)

    def _verdict(self, item: _Listed) -> SignatureVerdict:
        file = item.file
        if file is None:
            checks = (item.problem,) if item.problem else ()
            return SignatureVerdict(item.number, "unreadable", "", checks, label=item.entry.id)
        checks_made = check_references(file, self._members, strict=item.is_ours)
        result = judge_value(
            self._package,
            file,
            anchors=self._anchors,
            at=self._at,
            strict=item.is_ours,
            known_extensions=KNOWN_EXTENSIONS,
        )
        self._values[item.number] = result
        checks_made += result.checks
        if result.seal_signature is not None:
            checks_made += self._seal_file(file, result.seal_signature.seal, item.is_ours)
            if result.certificate is not None:
                picture = result.seal_signature.seal.picture
                checks_made += check_event_binding(result.certificate, picture, file)
        checks_made += self._type(item, result)
        checks_made += self._stamps(item)
        checks_made += check_unprotected(self._package, file, self._open_members, lambda: self._reached)
        return SignatureVerdict(
            number=item.number,
            kind=result.kind,
            signer=result.certificate.common_name if result.certificate else "",
            checks=tuple(checks_made),
            signed_at=_moment(result.signed_at),
            stamped_at=_moment(result.stamped_at),
            anchor=result.anchor.subject_text if result.anchor else "",
            label=item.entry.id,
        )

    def _seal_file(self, file: SignatureFile, seal: Seal, strict: bool) -> list[Check]:
        if not file.seal_location:
            return []
        if file.seal_member is None:
            outcome = Outcome.FAIL if strict else Outcome.WARNING
            return [Check(CheckName.SEAL, outcome, "ofdsign.seal-file-missing", file.seal_location)]
        try:
            same = self._package.read(file.seal_member) == seal.der
        except OfdError:
            same = False
        if same:
            return [Check(CheckName.SEAL, Outcome.PASS, "ofdsign.seal-file-same")]
        return [Check(CheckName.SEAL, Outcome.FAIL, "ofdsign.seal-file-differs", file.seal_member)]

    def _type(self, item: _Listed, result: ValueResult) -> list[Check]:
        written = item.entry.type
        due = "Seal" if result.kind.startswith("ses") else "Sign"
        if written in ("", due) or result.kind == "unreadable":
            return []
        outcome = Outcome.FAIL if item.is_ours else Outcome.WARNING
        return [Check(CheckName.STRUCTURE, outcome, "ofdsign.wrong-type", "", {"type": written})]

    def _stamps(self, item: _Listed) -> list[Check]:
        file = item.file
        pages = self._page_ids.get(item.listing.body)
        if file is None or pages is None:
            return []
        outcome = Outcome.FAIL if item.is_ours else Outcome.WARNING
        return [
            Check(CheckName.STRUCTURE, outcome, "ofdsign.stamp-nowhere", stamp.id)
            for stamp in file.stamps
            if stamp.page_ref.strip() not in pages or not stamp.boundary
        ]

    # The package

    @cached_property
    def _reached(self) -> frozenset[str]:
        try:
            return reached_members(self._package)
        except OfdError:
            return frozenset(self._package.names())

    @cached_property
    def _open_members(self) -> frozenset[str]:
        """Members that a signature need not protect: the lists, and the files of each listed signature, which
        has its own verdict. What a page draws from is never among them.
        """
        found = {listing.member for listing in self._lists if listing.member}
        for item in self._listed:
            if item.file is not None:
                own = (item.file.member, item.file.value_member, item.file.seal_member)
                found |= {name for name in own if name}
        return frozenset(found) - self._reached

    @cached_property
    def _page_ids(self) -> dict[int, frozenset[str]]:
        """Page IDs of each body that can be read."""
        found = {}
        for listing in self._lists:
            try:
                document = load_document(self._package, listing.body)
                found[listing.body] = frozenset(page.id for page in document.pages)
            except OfdError:
                continue
        return found

    def _page_checks(self) -> list[Check]:
        return [
            Check(
                CheckName.STRUCTURE,
                Outcome.FAIL,
                "ofdsign.no-document",
                listing.root or "",
                {"body": str(listing.body + 1)},
            )
            for listing in self._lists
            if listing.body not in self._page_ids
        ]

    def _list_checks(self) -> list[Check]:
        checks = []
        for listing in self._lists:
            if listing.location and listing.member is None:
                checks.append(
                    Check(CheckName.STRUCTURE, Outcome.UNDECIDED, "ofdsign.list-missing", listing.location)
                )
            identifiers = [entry.id for entry in listing.entries]
            if len(set(identifiers)) < len(identifiers) or "" in identifiers:
                checks.append(
                    Check(CheckName.STRUCTURE, Outcome.WARNING, "ofdsign.list-ids", listing.member or "")
                )
        members = [item.entry.member for item in self._listed if item.entry.member]
        if len(set(members)) < len(members):
            checks.append(Check(CheckName.STRUCTURE, Outcome.FAIL, "ofdsign.listed-twice"))
        named = {item.file.value_member for item in self._listed if item.file} | set(members)
        for name in self._package.names():
            if posixpath.basename(name).casefold() in _OWN_FILES and name not in named and "/" in name:
                checks.append(Check(CheckName.STRUCTURE, Outcome.UNDECIDED, "ofdsign.not-listed", name))
        if not self._listed and not any(check.outcome is Outcome.UNDECIDED for check in checks):
            checks.append(Check(CheckName.STRUCTURE, Outcome.UNDECIDED, "ofdsign.unsigned"))
        return checks

    def _container_checks(self) -> list[Check]:
        """The ZIP: canonical where our signature is the last one, else looked at as any ZIP."""
        ours = [item for item in self._listed if item.is_ours]
        digests = self._container_digests(ours[-1]) if ours else None
        if digests is None:
            return audit(self._package.data)
        outcome = Outcome.UNDECIDED if ours[-1] is self._listed[-1] else Outcome.WARNING
        lists = frozenset(listing.member for listing in self._lists if listing.member)
        try:
            deviations = check_canonical(self._package, digests, lists, outcome)
        except OfdError as error:
            deviations = [_from_error(Outcome.FAIL, error)]
        return deviations + [check for check in audit(self._package.data) if check.outcome is Outcome.FAIL]

    def _container_digests(self, item: _Listed) -> dict[str, bytes] | None:
        result = self._values.get(item.number)
        signature: SealSignature | None = result.seal_signature if result else None
        value = signature.extension(CONTAINER_OID) if signature else None
        if value is None:
            return {} if result is not None and result.kind == "unreadable" else None
        try:
            return read_container_extension(value)
        except SealError:
            return {}


def _moment(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def _from_error(outcome: Outcome, error: OfdError | OfdSignError, subject: str = "") -> Check:
    params = {key: str(value) for key, value in error.params.items() if key != "subject"}
    return Check(CheckName.STRUCTURE, outcome, error.code, subject or params.get("name", ""), params)
