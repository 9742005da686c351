"""The numbers that GM/T 0029 appendix D answers with, as a table that a site can put its own numbers in."""

from __future__ import annotations

import enum
from collections.abc import Mapping


class Reply(enum.StrEnum):
    """What an answer says. The value is the name in the table, and `svs.<value>` its sentence."""

    OK = "ok"
    UNKNOWN = "unknown"
    CERTIFICATE_ID = "certificate-id"
    INFO_TYPE = "info-type"
    SERVER_CONNECT = "server-connect"
    SIGN_METHOD = "sign-method"
    KEY_INDEX = "key-index"
    KEY_VALUE = "key-value"
    CERTIFICATE = "certificate"
    CERTIFICATE_DECODE = "certificate-decode"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_YET = "certificate-not-yet"
    CERTIFICATE_REVOKED = "certificate-revoked"
    INVALID_SIGNATURE = "invalid-signature"
    DATA_FORMAT = "data-format"
    SYSTEM_FAILURE = "system-failure"
    PARAMETERS = "parameters"
    SIGN_FAILED = "sign-failed"
    VERIFY_FAILED = "verify-failed"
    MESSAGE_FAILED = "message-failed"
    KEY_FAILED = "key-failed"
    HASH_FAILED = "hash-failed"
    OCSP_NO_RESPONSE = "ocsp-no-response"
    OCSP_MALFORMED = "ocsp-malformed"
    OCSP_INTERNAL = "ocsp-internal"
    OCSP_TRY_LATER = "ocsp-try-later"
    OCSP_SIGNATURE_REQUIRED = "ocsp-signature-required"
    OCSP_UNAUTHORIZED = "ocsp-unauthorized"
    CA_NOT_FOUND = "ca-not-found"
    CA_VERIFY = "ca-verify"
    CRL_NOT_FOUND = "crl-not-found"


BASE = 0x04000000
DEFAULTS: Mapping[Reply, int] = {
    reply: 0 if reply is Reply.OK else BASE + place - 1 for place, reply in enumerate(Reply)
}
"""The vendor table: 0 is success, 0x04000001 a wrong certificate id, and so on in the order above."""


class CodeTable:
    """From a reply to its number and back; `overrides` are a site's numbers by the reply's name.

    Raises:
        ValueError: an unknown name, a number outside 32 bits, or a success that is not 0.
    """

    def __init__(self, overrides: Mapping[str, int] | None = None) -> None:
        numbers = dict(DEFAULTS)
        for name, number in (overrides or {}).items():
            reply = Reply(name)
            if type(number) is not int or not 0 <= number < 1 << 32 or (number == 0) != (reply is Reply.OK):
                raise ValueError(f"{name} = {number!r}")
            numbers[reply] = number
        self._numbers = numbers
        self._replies: dict[int, Reply] = {}
        for reply, number in numbers.items():
            self._replies.setdefault(number, reply)

    def number(self, reply: Reply) -> int:
        """The `respValue` of a reply."""
        return self._numbers[reply]

    def reply(self, number: int) -> Reply:
        """What a `respValue` says; a number that the table does not have is `UNKNOWN`."""
        return self._replies.get(number, Reply.UNKNOWN)
