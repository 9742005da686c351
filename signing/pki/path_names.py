"""Name constraints along a path (RFC 5280 §4.2.1.10, §6.1), in bounded work."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from signing.pki import oids
from signing.pki.certificate import Certificate
from signing.pki.names import read_name
from signing.sm import SmError, der
from signing.verdict import Check, CheckName, Outcome

MAX_COMPARISONS = 50_000
_EMAIL, _DNS, _DIRECTORY, _URI, _IP = 0x81, 0x82, 0xA4, 0x86, 0x87
_SUPPORTED = frozenset({_EMAIL, _DNS, _DIRECTORY, _URI, _IP})
_Name = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class _Constraints:
    permitted: tuple[_Name, ...]
    excluded: tuple[_Name, ...]


def check_names(path: tuple[Certificate, ...]) -> Iterator[Check]:
    """What the constraints of each CA say of every certificate below it; the signer's is `path[0]`."""
    work = 0
    for index in range(len(path) - 1, 0, -1):
        authority = path[index]
        value = authority.extension(oids.NAME_CONSTRAINTS)
        if value is None:
            continue
        try:
            constraints = _read(value)
            for below in range(index - 1, -1, -1):
                certificate = path[below]
                if below and certificate.is_self_issued:
                    continue
                names = _names(certificate)
                work += len(names) * (len(constraints.permitted) + len(constraints.excluded))
                if work > MAX_COMPARISONS:
                    yield _check(Outcome.UNDECIDED, "pki.constraints-too-many", authority)
                    return
                yield from _violations(certificate, authority, names, constraints)
        except SmError:
            yield _check(Outcome.FAIL, "pki.bad-constraints", authority)


def _violations(
    certificate: Certificate, authority: Certificate, names: list[_Name], constraints: _Constraints
) -> Iterator[Check]:
    present = {kind for kind, _ in names}
    constrained = {kind for kind, _ in (*constraints.permitted, *constraints.excluded)}
    if present & constrained - _SUPPORTED:
        yield _check(Outcome.UNDECIDED, "pki.constraint-unknown", certificate, ca=authority.common_name)
    for kind, name in names:
        if kind not in _SUPPORTED:
            continue
        bases = [base for each, base in constraints.permitted if each == kind]
        outside = bool(bases) and not any(_within(kind, name, base) for base in bases)
        if outside or any(_within(kind, name, b) for each, b in constraints.excluded if each == kind):
            yield _check(
                Outcome.FAIL,
                "pki.name-not-permitted",
                certificate,
                ca=authority.common_name,
                name=_shown(kind, name),
            )
            return


def _read(value: bytes) -> _Constraints:
    reader = der.read_sequence(value)
    lists: list[tuple[_Name, ...]] = []
    for tag in (0xA0, 0xA1):
        field = reader.optional(tag)
        lists.append(tuple(_subtree(tree) for tree in field.reader().rest(5000)) if field else ())
    reader.end()
    return _Constraints(lists[0], lists[1])


def _subtree(tree: der.Element) -> _Name:
    reader = tree.reader()
    base = reader.take()
    minimum = reader.optional(0x80)
    if (minimum and minimum.content != b"\0") or reader:
        raise SmError("sm.not-der", problem="subtree bounds")
    return base.tag, base.content


def _names(certificate: Certificate) -> list[_Name]:
    """The subject, its e-mail addresses, and every subjectAltName."""
    found: list[_Name] = []
    pairs = read_name(certificate.subject_der)
    if pairs:
        found.append((_DIRECTORY, certificate.subject_der))
    value = certificate.extension(oids.SUBJECT_ALTERNATIVE_NAME)
    if value is None:
        found += [(_EMAIL, text.encode()) for kind, text in pairs if kind == "E"]
        return found
    return found + [(name.tag, name.content) for name in der.read_sequence(value).rest(5000)]


def _within(kind: int, name: bytes, base: bytes) -> bool:
    if kind == _DIRECTORY:
        return _directory_within(name, base)
    if kind == _IP:
        half = len(base) // 2
        if len(base) not in (8, 32):
            raise SmError("sm.not-der", problem="address constraint")
        return len(name) == half and all(
            octet & mask == part & mask
            for octet, part, mask in zip(name, base[:half], base[half:], strict=True)
        )
    text, wanted = name.decode("latin-1").lower(), base.decode("latin-1").lower()
    if kind == _EMAIL:
        return _email_within(text, wanted)
    if kind == _URI:
        text = _host(text)
        return text.endswith(wanted) if wanted.startswith(".") else text == wanted
    wanted = wanted.removeprefix(".")
    return not wanted or text == wanted or text.endswith("." + wanted)


def _email_within(text: str, wanted: str) -> bool:
    if "@" in wanted:
        return text == wanted
    host = text.rpartition("@")[2]
    return host.endswith(wanted) if wanted.startswith(".") else host == wanted


def _directory_within(name: bytes, base: bytes) -> bool:
    """Whether the first relative names are the constraint's, compared as RFC 5280 §7.1 does."""
    wanted = _relative_names(base)
    return _relative_names(name)[: len(wanted)] == wanted


def _relative_names(name: bytes) -> list[frozenset[tuple[str, str]]]:
    whole = der.read_sequence(name)
    return [
        frozenset(
            (kind, " ".join(value.casefold().split()))
            for kind, value in read_name(der.sequence(relative.raw))
        )
        for relative in whole.rest(64)
    ]


def _host(uri: str) -> str:
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def _shown(kind: int, name: bytes) -> str:
    if kind == _DIRECTORY:
        return ",".join(f"{key}={value}" for key, value in read_name(name))
    if kind == _IP and len(name) in (4, 16):
        return str(ipaddress.ip_address(name))
    return name.decode("latin-1")


def _check(outcome: Outcome, reason: str, certificate: Certificate, **params: str) -> Check:
    return Check(CheckName.CERTIFICATE_PATH, outcome, reason, certificate.common_name, params)
