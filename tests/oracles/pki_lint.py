"""DigiCert's pkilint over what we issue: RFC 5280 and RFC 6960, findings of weight ERROR and above."""

from __future__ import annotations

from pkilint import document, loader, pkix
from pkilint.pkix import certificate, crl, extension, name, ocsp
from pkilint.validation import ValidationFindingSeverity
from pyasn1.codec.der.decoder import decode

# pkilint's own quick decoder stops at object identifiers with arcs above 32 bits (2.25.<UUID>).
document.decode_der = decode

# RFC 8813 forbids keyEncipherment to ECDSA and ECDH keys. SM2 enciphers, and GM/T 0015 wants it in every
# encryption certificate; pkilint does not tell the curves apart.
OF_SM2_ENCRYPTION = "pkix.key_usage_value_prohibited_for_ec"

_CERTIFICATE = certificate.create_pkix_certificate_validator_container(
    certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
    [
        certificate.create_issuer_validator_container([]),
        certificate.create_validity_validator_container(),
        certificate.create_subject_validator_container([]),
        certificate.create_extensions_validator_container([]),
        certificate.create_spki_validator_container([]),
    ],
)
_LIST = crl.create_pkix_crl_validator_container(
    [
        pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
        pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
    ],
    [
        crl.create_issuer_validator_container([]),
        crl.create_validity_validator_container([]),
        crl.create_extensions_validator_container([]),
    ],
)
_RESPONSE = ocsp.create_pkix_ocsp_response_validator_container(
    [
        ocsp.create_response_decoder(),
        pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
        pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
    ],
    [],
)


def certificate_errors(data: bytes, *, sm2_encryption: bool = False) -> list[str]:
    """Findings about one DER certificate; of an SM2 encryption certificate all but `OF_SM2_ENCRYPTION`."""
    found = _errors(_CERTIFICATE, loader.RFC5280CertificateDocumentLoader().load_der_document(data))
    return [each for each in found if not (sm2_encryption and OF_SM2_ENCRYPTION in each)]


def list_errors(data: bytes) -> list[str]:
    """Findings about one DER revocation list."""
    return _errors(_LIST, loader.RFC5280CertificateListDocumentLoader().load_der_document(data))


def response_errors(data: bytes) -> list[str]:
    """Findings about one DER OCSP response."""
    return _errors(_RESPONSE, loader.RFC6960OCSPResponseDocumentLoader().load_der_document(data))


def _errors(validator: object, subject: object) -> list[str]:
    results = validator.validate(subject.root)  # type: ignore[attr-defined]
    return [
        f"{result.node.path}: {described.finding.code} {described.message or ''}"
        for result in results
        for described in result.finding_descriptions
        if described.finding.severity <= ValidationFindingSeverity.ERROR
    ]
