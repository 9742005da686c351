"""CMS SignedData in both dialects, RFC 5652 and GB/T 35275 (GM/T 0010): write, read, verify."""

from signing.cms.ber import first_element
from signing.cms.errors import CmsError
from signing.cms.model import Dialect, SignedData, SignerInfo
from signing.cms.read import parse_signed_data
from signing.cms.verify import SignerResult, TimestampResult, TimestampVerifier, verify_signed_data
from signing.cms.write import build_signed_data

__all__ = [
    "CmsError",
    "Dialect",
    "SignedData",
    "SignerInfo",
    "SignerResult",
    "TimestampResult",
    "TimestampVerifier",
    "build_signed_data",
    "first_element",
    "parse_signed_data",
    "verify_signed_data",
]
