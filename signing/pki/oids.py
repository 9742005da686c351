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
NO_REV_AVAIL = "2.5.29.56"
AUTHORITY_INFORMATION_ACCESS = "1.3.6.1.5.5.7.1.1"

# Extended key usages
ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0"
SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"


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
