"""Certificates, lists, OCSP and requests (SM2, RSA, ECDSA): read, issue, validate a path with reasons."""

from signing.pki.algorithms import PublicKey, digest, public_key_from_spki, verify_signature
from signing.pki.certificate import Certificate, Extension
from signing.pki.crl import CertificateList, Reason, Revoked, Scope, build_crl, distribution_points, parse_crl
from signing.pki.csr import CertificateRequest, build_request, parse_request
from signing.pki.errors import PkiError
from signing.pki.health import (
    DoubleCertificates,
    HealthClass,
    UniqueId,
    authority_information,
    certificate_policies,
    gm_extension,
    issue_double,
    unique_id_of,
)
from signing.pki.issue import issue_certificate, new_serial
from signing.pki.names import Attributes, build_name, name_text, read_name
from signing.pki.ocsp import (
    CertId,
    OcspRequest,
    OcspResponse,
    SingleStatus,
    Status,
    build_ocsp_request,
    build_ocsp_response,
    ocsp_refusal,
    parse_ocsp_request,
    parse_ocsp_response,
    responder_of,
)
from signing.pki.oids import register_names
from signing.pki.path import PathResult, validate_path
from signing.pki.path_checks import Usage, usage_allows
from signing.pki.profiles import Profile, event_validity
from signing.pki.revocation import RevocationData, check_revocation
from signing.pki.signers import EcSigner, RsaSigner, Signer, Sm2Signer, load_signer
from signing.pki.trust import installed_trust_folder, load_anchors

__all__ = [
    "Attributes",
    "CertId",
    "Certificate",
    "CertificateList",
    "CertificateRequest",
    "DoubleCertificates",
    "EcSigner",
    "Extension",
    "HealthClass",
    "OcspRequest",
    "OcspResponse",
    "PathResult",
    "PkiError",
    "Profile",
    "PublicKey",
    "Reason",
    "RevocationData",
    "Revoked",
    "RsaSigner",
    "Scope",
    "Signer",
    "SingleStatus",
    "Sm2Signer",
    "Status",
    "UniqueId",
    "Usage",
    "authority_information",
    "build_crl",
    "build_name",
    "build_ocsp_request",
    "build_ocsp_response",
    "build_request",
    "certificate_policies",
    "check_revocation",
    "digest",
    "distribution_points",
    "event_validity",
    "gm_extension",
    "installed_trust_folder",
    "issue_certificate",
    "issue_double",
    "load_anchors",
    "load_signer",
    "name_text",
    "new_serial",
    "ocsp_refusal",
    "parse_crl",
    "parse_ocsp_request",
    "parse_ocsp_response",
    "parse_request",
    "public_key_from_spki",
    "read_name",
    "register_names",
    "responder_of",
    "unique_id_of",
    "usage_allows",
    "validate_path",
    "verify_signature",
]
