"""Time stamps (RFC 3161, GM/T 0033): request, authority, response, token, verification. No network."""

from signing.tsp.authority import TimeStampAuthority, TimeStamper, rejection
from signing.tsp.errors import TspError
from signing.tsp.request import TimeStampRequest, build_request, new_nonce, parse_request
from signing.tsp.token import TstInfo
from signing.tsp.verify import TokenResult, parse_token, token_from_response, token_verifier, verify_token

__all__ = [
    "TimeStampAuthority",
    "TimeStampRequest",
    "TimeStamper",
    "TokenResult",
    "TspError",
    "TstInfo",
    "build_request",
    "new_nonce",
    "parse_request",
    "parse_token",
    "rejection",
    "token_from_response",
    "token_verifier",
    "verify_token",
]
