"""ParseCert: one piece of a certificate by the information type of GM/T 0006 (SGD_CERT_…)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from server_stub.svs.codes import Reply
from server_stub.svs.errors import SvsFault
from signing.pki import Certificate, read_name
from signing.pki.names import SHORT_NAMES
from signing.sm import der

Reader = Callable[[Certificate], bytes]


def _text(value: str) -> bytes:
    return value.encode("utf-8")


def _time(moment: dt.datetime) -> bytes:
    return moment.strftime("%Y%m%d%H%M%SZ").encode("ascii")


def _part(issuer: bool, name: str) -> Reader:
    """All values of one attribute of a name, joined by commas. Names give dotted OIDs or short names."""
    wanted = {name, SHORT_NAMES.get(name, name)}

    def read(certificate: Certificate) -> bytes:
        encoded = certificate.issuer_der if issuer else certificate.subject_der
        return _text(",".join(value for kind, value in read_name(encoded) if kind in wanted))

    return read


def _extension(oid: str) -> Reader:
    def read(certificate: Certificate) -> bytes:
        return certificate.extension(oid) or b""

    return read


def _version(certificate: Certificate) -> bytes:
    body = der.read_sequence(certificate.tbs_der)
    stated = body.optional(0xA0)
    number = stated.reader().take(der.INTEGER).integer() if stated else 0
    return _text(str(number + 1))


INFO_TYPES: dict[int, tuple[str, Reader]] = {
    0x01: ("SGD_CERT_VERSION", _version),
    0x02: ("SGD_CERT_SERIAL", lambda item: _text(f"{item.serial:X}")),
    0x05: ("SGD_CERT_ISSUER", lambda item: _text(item.issuer_text)),
    0x06: (
        "SGD_CERT_VALID_TIME",
        lambda item: _time(item.not_before) + b" - " + _time(item.not_after),
    ),
    0x07: ("SGD_CERT_SUBJECT", lambda item: _text(item.subject_text)),
    0x08: ("SGD_CERT_DER_PUBLIC_KEY", lambda item: item.spki_der),
    0x09: (
        "SGD_CERT_DER_EXTENSIONS",
        lambda item: der.sequence(
            *(
                der.sequence(
                    der.oid(found.oid),
                    der.boolean(True) if found.critical else b"",
                    der.octet_string(found.value),
                )
                for found in item.extensions.values()
            )
        ),
    ),
    0x11: ("SGD_EXT_AUTHORITYKEYIDENTIFIER_INFO", _extension("2.5.29.35")),
    0x12: ("SGD_EXT_SUBJECTKEYIDENTIFIER_INFO", _extension("2.5.29.14")),
    0x13: ("SGD_EXT_KEYUSAGE_INFO", _extension("2.5.29.15")),
    0x14: ("SGD_EXT_PRIVATEKEYUSAGEPERIOD_INFO", _extension("2.5.29.16")),
    0x15: ("SGD_EXT_CERTIFICATEPOLICIES_INFO", _extension("2.5.29.32")),
    0x16: ("SGD_EXT_POLICYMAPPINGS_INFO", _extension("2.5.29.33")),
    0x17: ("SGD_EXT_BASICCONSTRAINTS_INFO", _extension("2.5.29.19")),
    0x18: ("SGD_EXT_POLICYCONSTRAINTS_INFO", _extension("2.5.29.36")),
    0x19: ("SGD_EXT_EXTKEYUSAGE_INFO", _extension("2.5.29.37")),
    0x1A: ("SGD_EXT_CRLDISTRIBUTIONPOINTS_INFO", _extension("2.5.29.31")),
    0x21: ("SGD_CERT_ISSUER_CN", _part(True, "CN")),
    0x22: ("SGD_CERT_ISSUER_O", _part(True, "O")),
    0x23: ("SGD_CERT_ISSUER_OU", _part(True, "OU")),
    0x31: ("SGD_CERT_SUBJECT_CN", _part(False, "CN")),
    0x32: ("SGD_CERT_SUBJECT_O", _part(False, "O")),
    0x33: ("SGD_CERT_SUBJECT_OU", _part(False, "OU")),
    0x34: ("SGD_CERT_SUBJECT_EMAIL", _part(False, "E")),
    0x35: ("SGD_CERT_NOTBEFORE_TIME", lambda item: _time(item.not_before)),
    0x36: ("SGD_CERT_NOTAFTER_TIME", lambda item: _time(item.not_after)),
}
"""Number → (name, how it is read). Times are GMT as yyyyMMddHHmmssZ, serials upper-case hex."""

NAMES = {name: number for number, (name, _) in INFO_TYPES.items()}


def certificate_info(certificate: Certificate, kind: int) -> bytes:
    """The piece of a certificate that an information type names; empty when the certificate has none.

    Raises:
        SvsFault: `INFO_TYPE`.
    """
    if kind not in INFO_TYPES:
        raise SvsFault(Reply.INFO_TYPE, kind=kind)
    return INFO_TYPES[kind][1](certificate)
