"""CMS in both dialects, RFC 5652 and GB/T 35275 (GM/T 0010): signed and enveloped data."""

from signing.cms.ber import first_element
from signing.cms.envelope import (
    Envelope,
    Opened,
    RsaOpener,
    Sm2Opener,
    build_enveloped_data,
    open_envelope,
    parse_envelope,
)
from signing.cms.errors import CmsError
from signing.cms.model import Dialect, SignedData, SignerInfo
from signing.cms.read import parse_signed_data
from signing.cms.verify import SignerResult, TimestampResult, TimestampVerifier, verify_signed_data
from signing.cms.write import SignerSpec, build_multi_signed_data, build_signed_data

__all__ = [
    "CmsError",
    "Dialect",
    "Envelope",
    "Opened",
    "RsaOpener",
    "SignedData",
    "SignerInfo",
    "SignerResult",
    "SignerSpec",
    "Sm2Opener",
    "TimestampResult",
    "TimestampVerifier",
    "build_enveloped_data",
    "build_multi_signed_data",
    "build_signed_data",
    "first_element",
    "open_envelope",
    "parse_envelope",
    "parse_signed_data",
    "verify_signed_data",
]
