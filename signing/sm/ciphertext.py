"""SM2 ciphertexts in every form that is met (GM/T 0009 §7.2, GM/T 0003.4): read all, write ASN.1.

`SM2Cipher ::= SEQUENCE { x INTEGER, y INTEGER, hash OCTET STRING(32), cipherText OCTET STRING }`; raw
forms are C1‖C3‖C2 (2012) and C1‖C2‖C3 (before), with or without the 04 of the point. Which raw order it
is cannot be seen: the C3 check of the decryption decides.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from signing.sm import der
from signing.sm.ber import to_definite
from signing.sm.curve import POINT_SIZE, SCALAR_SIZE, P, check_point
from signing.sm.errors import SmError
from signing.sm.hashes import SM3_SIZE

MAX_PLAINTEXT = 64 * 1024
MAX_CIPHERTEXT = MAX_PLAINTEXT + 256


class CiphertextForm(enum.Enum):
    """How a ciphertext is written down."""

    ASN1 = "asn1"
    C1C3C2_04 = "04-c1c3c2"
    C1C3C2 = "c1c3c2"
    C1C2C3_04 = "04-c1c2c3"
    C1C2C3 = "c1c2c3"


_WITH_04 = (CiphertextForm.C1C3C2_04, CiphertextForm.C1C2C3_04)
_HASH_FIRST = (CiphertextForm.C1C3C2_04, CiphertextForm.C1C3C2)


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """One reading: `point` is C1 (04‖X‖Y, on the curve), `check` C3, `masked` C2.

    `tolerated` names what was not as the standard writes it (`non-minimal-integer`, `not-der`, `raw`).
    """

    point: bytes
    check: bytes
    masked: bytes
    form: CiphertextForm
    tolerated: tuple[str, ...] = ()

    def to_der(self) -> bytes:
        """DER `SM2Cipher`."""
        return der.sequence(
            der.integer(int.from_bytes(self.point[1:33], "big")),
            der.integer(int.from_bytes(self.point[33:], "big")),
            der.octet_string(self.check),
            der.octet_string(self.masked),
        )

    def to_form(self, form: CiphertextForm) -> bytes:
        """The same ciphertext in another form, for a peer that reads only that one."""
        if form is CiphertextForm.ASN1:
            return self.to_der()
        point = self.point if form in _WITH_04 else self.point[1:]
        parts = (self.check, self.masked) if form in _HASH_FIRST else (self.masked, self.check)
        return point + b"".join(parts)


def read_ciphertext(data: bytes, form: CiphertextForm | None = None) -> tuple[Ciphertext, ...]:
    """Every reading of `data` that can be right, the likelier first; only those in `form` when given.

    C1 lies on the curve in each. At most 64 KiB of plaintext. Integers that are not minimal or lack their
    leading zero, and BER lengths, are read and reported.

    Raises:
        SmError: `sm.bad-ciphertext` when there is none.
    """
    if len(data) > MAX_CIPHERTEXT:
        raise SmError("sm.bad-ciphertext")
    forms = tuple(CiphertextForm) if form is None else (form,)
    found = [reading for each in forms if (reading := _read(data, each)) is not None]
    if not found:
        raise SmError("sm.bad-ciphertext")
    return tuple(found)


def read_strict(data: bytes) -> Ciphertext:
    """The one reading of a DER `SM2Cipher`, nothing tolerated.

    Raises:
        SmError: `sm.bad-ciphertext`.
    """
    reading = _read(data, CiphertextForm.ASN1) if len(data) <= MAX_CIPHERTEXT else None
    if reading is None or reading.tolerated:
        raise SmError("sm.bad-ciphertext")
    return reading


def _read(data: bytes, form: CiphertextForm) -> Ciphertext | None:
    try:
        return _asn1(data) if form is CiphertextForm.ASN1 else _raw(data, form)
    except SmError:
        return None


def _asn1(data: bytes) -> Ciphertext:
    tolerated: list[str] = []
    try:
        reader = der.read_sequence(data)
        parts = list(reader.rest(5))
    except SmError:
        parts = list(der.read_sequence(to_definite(data)).rest(5))
        tolerated.append("not-der")
    if [part.tag for part in parts] != [der.INTEGER, der.INTEGER, der.OCTET_STRING, der.OCTET_STRING]:
        raise SmError("sm.bad-ciphertext")
    coordinates = []
    for part in parts[:2]:
        try:
            value = part.integer()
        except SmError:
            value = -1
        if value < 0:
            value = int.from_bytes(part.content, "big")
            if "non-minimal-integer" not in tolerated:
                tolerated.append("non-minimal-integer")
        coordinates.append(value)
    check, masked = parts[2].content, parts[3].content
    if max(coordinates) >= P or len(check) != SM3_SIZE or not masked:
        raise SmError("sm.bad-ciphertext")
    point = b"\x04" + b"".join(value.to_bytes(SCALAR_SIZE, "big") for value in coordinates)
    return Ciphertext(check_point(point), check, masked, CiphertextForm.ASN1, tuple(tolerated))


def _raw(data: bytes, form: CiphertextForm) -> Ciphertext:
    encoded = data if form in _WITH_04 else b"\x04" + data
    point, rest = encoded[:POINT_SIZE], encoded[POINT_SIZE:]
    if len(rest) <= SM3_SIZE:
        raise SmError("sm.bad-ciphertext")
    check_point(point)
    if form in _HASH_FIRST:
        check, masked = rest[:SM3_SIZE], rest[SM3_SIZE:]
    else:
        check, masked = rest[-SM3_SIZE:], rest[:-SM3_SIZE]
    return Ciphertext(point, check, masked, form, ("raw",))
