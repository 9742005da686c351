"""SM2 signature values: `SM2Signature ::= SEQUENCE { r INTEGER, s INTEGER }` (GM/T 0009 §7.3) and raw r‖s."""

from __future__ import annotations

from signing.sm import der
from signing.sm.ber import to_definite
from signing.sm.curve import SCALAR_SIZE, N
from signing.sm.errors import SmError


def encode_signature(r: int, s: int) -> bytes:
    """DER of (r, s), both in [1, n−1].

    Raises:
        SmError: `sm.bad-signature`.
    """
    if not (1 <= r < N and 1 <= s < N):
        raise SmError("sm.bad-signature")
    return der.sequence(der.integer(r), der.integer(s))


def decode_signature(signature: bytes) -> tuple[int, int]:
    """(r, s) of a DER signature. Only the one DER form is taken: minimal lengths and integers, no rest.

    Raises:
        SmError: `sm.bad-signature`.
    """
    try:
        reader = der.read_sequence(signature)
        r, s = reader.take(der.INTEGER).integer(), reader.take(der.INTEGER).integer()
        reader.end()
    except SmError:
        raise SmError("sm.bad-signature") from None
    if not (1 <= r < N and 1 <= s < N):
        raise SmError("sm.bad-signature")
    return r, s


def raw_to_der(raw: bytes) -> bytes:
    """DER of a raw signature r‖s (64 bytes), as SKF tokens and some files hold it.

    Raises:
        SmError: `sm.bad-signature`.
    """
    if len(raw) != 2 * SCALAR_SIZE:
        raise SmError("sm.bad-signature")
    return encode_signature(
        int.from_bytes(raw[:SCALAR_SIZE], "big"), int.from_bytes(raw[SCALAR_SIZE:], "big")
    )


def der_to_raw(signature: bytes) -> bytes:
    """r‖s (64 bytes) of a DER signature.

    Raises:
        SmError: `sm.bad-signature`.
    """
    r, s = decode_signature(signature)
    return r.to_bytes(SCALAR_SIZE, "big") + s.to_bytes(SCALAR_SIZE, "big")


def read_signature(signature: bytes) -> tuple[bytes, tuple[str, ...]]:
    """(DER, what was tolerated) of a signature value as others write it: DER, BER, integers that are not
    minimal or lack their leading zero, or raw r‖s. Nothing is tolerated in what we issue.

    Raises:
        SmError: `sm.bad-signature`.
    """
    try:
        decode_signature(signature)
        return signature, ()
    except SmError:
        pass
    if len(signature) == 2 * SCALAR_SIZE:
        # A DER signature has 64 octets only when r and s are short by chance; it was tried above.
        try:
            return raw_to_der(signature), ("raw",)
        except SmError:
            pass
    try:
        parts = list(der.read_sequence(to_definite(signature[:256])).rest(2))
    except SmError:
        raise SmError("sm.bad-signature") from None
    if [part.tag for part in parts] != [der.INTEGER, der.INTEGER] or len(signature) > 256:
        raise SmError("sm.bad-signature")
    r, s = (int.from_bytes(part.content, "big") for part in parts)
    return encode_signature(r, s), ("not-der",)
