"""Object identifiers of X.509, CMS and the GM standards, and their names inside `asn1crypto`."""

from __future__ import annotations

from asn1crypto import algos, keys

# Keys and signatures
EC_PUBLIC_KEY = "1.2.840.10045.2.1"
RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
SM2_CURVE = "1.2.156.10197.1.301"
SM2_SIGN = "1.2.156.10197.1.301.1"
SM2_WITH_SM3 = "1.2.156.10197.1.501"
RSA_WITH_SHA256 = "1.2.840.113549.1.1.11"
RSA_WITH_SHA384 = "1.2.840.113549.1.1.12"
RSA_WITH_SHA512 = "1.2.840.113549.1.1.13"
ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2"
ECDSA_WITH_SHA384 = "1.2.840.10045.4.3.3"
ECDSA_WITH_SHA512 = "1.2.840.10045.4.3.4"

# Hashes
SM3 = "1.2.156.10197.1.401"
SHA1 = "1.3.14.3.2.26"
SHA256 = "2.16.840.1.101.3.4.2.1"
SHA384 = "2.16.840.1.101.3.4.2.2"
SHA512 = "2.16.840.1.101.3.4.2.3"

# Certificate extensions (RFC 5280, RFC 9608)
SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
KEY_USAGE = "2.5.29.15"
SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
BASIC_CONSTRAINTS = "2.5.29.19"
CRL_DISTRIBUTION_POINTS = "2.5.29.31"
CERTIFICATE_POLICIES = "2.5.29.32"
AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
EXTENDED_KEY_USAGE = "2.5.29.37"
FRESHEST_CRL = "2.5.29.46"
ISSUER_ALTERNATIVE_NAME = "2.5.29.18"
NAME_CONSTRAINTS = "2.5.29.30"
POLICY_MAPPINGS = "2.5.29.33"
POLICY_CONSTRAINTS = "2.5.29.36"
INHIBIT_ANY_POLICY = "2.5.29.54"
ANY_POLICY = "2.5.29.32.0"
NO_REV_AVAIL = "2.5.29.56"
AUTHORITY_INFORMATION_ACCESS = "1.3.6.1.5.5.7.1.1"

# Revocation (RFC 5280 §5, RFC 6960, RFC 9654)
CRL_NUMBER = "2.5.29.20"
CRL_REASON = "2.5.29.21"
INVALIDITY_DATE = "2.5.29.24"
DELTA_CRL_INDICATOR = "2.5.29.27"
ISSUING_DISTRIBUTION_POINT = "2.5.29.28"
CRL_ENTRY_ISSUER = "2.5.29.29"
OCSP_BASIC = "1.3.6.1.5.5.7.48.1.1"
OCSP_NONCE = "1.3.6.1.5.5.7.48.1.2"
OCSP_NO_CHECK = "1.3.6.1.5.5.7.48.1.5"
AD_OCSP = "1.3.6.1.5.5.7.48.1"
AD_CA_ISSUERS = "1.3.6.1.5.5.7.48.2"

# Requests (RFC 2986, RFC 2985)
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"  # noqa: S105 an OID

# GM/T 0015 and health certificates
HEALTH_UNIQUE_ID = "1.2.156.112586.1.4"
GM_IDENTITY = "1.2.156.10260.4.1.1"
GM_INSURANCE = "1.2.156.10260.4.1.2"
GM_REGISTRATION = "1.2.156.10260.4.1.3"
GM_ORGANISATION = "1.2.156.10260.4.1.4"
GM_TAX = "1.2.156.10260.4.1.5"
GM_CREDIT_CODE = "1.2.156.10260.4.4"

# Extended key usages
ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0"
SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
# Penward's own purpose: to make seals (UUID 69ed0111-dafd-4dcb-b2ac-f6eee8a28801).
SEAL_MAKING = "2.25.140799535609951244950224523026594170881"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
DOCUMENT_SIGNING = "1.3.6.1.5.5.7.3.36"


def register_names() -> None:
    """Teach `asn1crypto` (and so pyHanko) the names sm3, sm3_sm2 and the curve sm2; idempotent.

    Only adds entries: every name that was known before keeps its meaning.
    """
    for table, name, dotted in (
        (algos.DigestAlgorithmId, "sm3", SM3),
        (algos.SignedDigestAlgorithmId, "sm3_sm2", SM2_WITH_SM3),
    ):
        table._map.setdefault(dotted, name)
        # Made once from _map when the class is first used, and never again.
        if table._reverse_map is not None:
            table._reverse_map.setdefault(name, dotted)
    if SM2_CURVE not in keys.NamedCurve._map:
        keys.NamedCurve.register("sm2", SM2_CURVE, 32)
