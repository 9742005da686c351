"""Certificate requests (PKCS #10, RFC 2986; GM/T 0092 with SM2): written, read, proven to hold their key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signing.pki import oids
from signing.pki.algorithms import SIGNATURE_IDENTIFIERS, public_key_from_spki, verify_signature
from signing.pki.certificate import Extension, read_extensions
from signing.pki.errors import PkiError
from signing.pki.issue import encode_extension
from signing.pki.names import Attributes, build_name, name_text, read_name
from signing.pki.profiles import subject_alternative_names
from signing.pki.signers import Signer
from signing.sm import SmError, der
from signing.sm.encoding import pem_body

MAX_REQUEST = 64 * 1024
MAX_ATTRIBUTES = 64
PEM_LABELS = (b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST")


@dataclass(frozen=True)
class CertificateRequest:
    """A parsed request. `attributes` maps an OID to the DER of its values; `extensions` are those asked for.

    Nothing in it is believed but the key, and that only after `verify`.
    """

    der: bytes
    info_der: bytes
    subject_der: bytes
    spki_der: bytes
    attributes: dict[str, tuple[bytes, ...]]
    extensions: dict[str, Extension]
    signature_algorithm: str
    signature: bytes

    @property
    def subject(self) -> Attributes:
        """(type, value) pairs in stored order."""
        return read_name(self.subject_der)

    @property
    def subject_text(self) -> str:
        """The subject after RFC 4514."""
        return name_text(read_name(self.subject_der))

    def verify(self) -> bool:
        """Whether the request is signed by the key that it names (proof of possession).

        Raises:
            PkiError: `pki.unsupported-algorithm`, `pki.unsupported-key`, `pki.bad-key`.
        """
        key = public_key_from_spki(self.spki_der)
        return verify_signature(key, self.signature_algorithm, self.signature, self.info_der)


def build_request(
    subject: Attributes | bytes,
    signer: Signer,
    *,
    san: Sequence[str] = (),
    extensions: Sequence[tuple[str, bool, bytes]] = (),
) -> bytes:
    """DER CertificationRequest for `signer`'s key; `san` and `extensions` travel as extensionRequest.

    Raises:
        PkiError: `pki.bad-name`, `pki.unsupported-algorithm`.
    """
    if signer.algorithm not in SIGNATURE_IDENTIFIERS:
        raise PkiError("pki.unsupported-algorithm", algorithm=signer.algorithm)
    asked = list(extensions)
    if san:
        asked.append((oids.SUBJECT_ALTERNATIVE_NAME, False, subject_alternative_names(san)))
    attributes = []
    if asked:
        value = der.sequence(*(encode_extension(*extension) for extension in asked))
        attributes.append(der.sequence(der.oid(oids.EXTENSION_REQUEST), der.set_of([value])))
    info = der.sequence(
        der.integer(0),
        subject if isinstance(subject, bytes) else build_name(subject),
        signer.public_key_spki,
        der.set_of(attributes, 0xA0),
    )
    return der.sequence(info, SIGNATURE_IDENTIFIERS[signer.algorithm], der.bit_string(signer.sign(info)))


def parse_request(data: bytes) -> CertificateRequest:
    """Parse one request, DER or PEM, of at most 64 KiB.

    Raises:
        PkiError: `pki.bad-request`.
    """
    if len(data) > MAX_REQUEST:
        raise PkiError("pki.bad-request", problem="larger than 64 KiB")
    try:
        return _parse(data if data[:1] == b"\x30" else pem_body(data, PEM_LABELS) or data)
    except SmError as error:
        raise PkiError("pki.bad-request", problem=str(error.params.get("problem", error.code))) from None


def _parse(data: bytes) -> CertificateRequest:
    outer = der.read_sequence(data)
    info = outer.take(der.SEQUENCE)
    identifier = outer.take(der.SEQUENCE)
    signature = outer.take(der.BIT_STRING).octets()
    outer.end()
    reader = info.reader()
    if reader.take(der.INTEGER).integer() != 0:
        raise SmError("sm.not-der", problem="version")
    subject = reader.take(der.SEQUENCE).raw
    read_name(subject)
    spki = reader.take(der.SEQUENCE).raw
    field = reader.optional(0xA0)
    reader.end()
    attributes: dict[str, tuple[bytes, ...]] = {}
    for element in field.reader().rest(MAX_ATTRIBUTES) if field else ():
        attribute = element.reader()
        name = attribute.take(der.OID).dotted()
        # Some CA toolkits leave out the SET around a single value.
        values = attribute.take()
        attribute.end()
        if name in attributes:
            raise SmError("sm.not-der", problem=f"attribute {name} twice")
        many = values.tag == der.SET
        attributes[name] = (
            tuple(value.raw for value in values.reader().rest(MAX_ATTRIBUTES)) if many else (values.raw,)
        )
    asked = attributes.get(oids.EXTENSION_REQUEST, ())
    if len(asked) > 1:
        raise SmError("sm.not-der", problem="extension request twice")
    return CertificateRequest(
        der=data,
        info_der=info.raw,
        subject_der=subject,
        spki_der=spki,
        attributes=attributes,
        extensions=read_extensions(asked[0]) if asked else {},
        signature_algorithm=identifier.reader().take(der.OID).dotted(),
        signature=signature,
    )
