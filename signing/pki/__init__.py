"""Certificates (SM2, RSA, ECDSA): read, issue, validate a path with reasons, load trust anchors."""

from signing.pki.algorithms import PublicKey, digest, public_key_from_spki, verify_signature
from signing.pki.certificate import Certificate, Extension
from signing.pki.errors import PkiError
from signing.pki.issue import issue_certificate, new_serial
from signing.pki.names import Attributes, build_name, name_text, read_name
from signing.pki.oids import register_names
from signing.pki.path import PathResult, validate_path
from signing.pki.path_checks import Usage, usage_allows
from signing.pki.profiles import Profile, event_validity
from signing.pki.signers import EcSigner, RsaSigner, Signer, Sm2Signer, load_signer
from signing.pki.trust import installed_trust_folder, load_anchors

__all__ = [
    "Attributes",
    "Certificate",
    "EcSigner",
    "Extension",
    "PathResult",
    "PkiError",
    "Profile",
    "PublicKey",
    "RsaSigner",
    "Signer",
    "Sm2Signer",
    "Usage",
    "build_name",
    "digest",
    "event_validity",
    "installed_trust_folder",
    "issue_certificate",
    "load_anchors",
    "load_signer",
    "name_text",
    "new_serial",
    "public_key_from_spki",
    "read_name",
    "register_names",
    "usage_allows",
    "validate_path",
    "verify_signature",
]
