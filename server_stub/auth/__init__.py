"""Who may speak to the server: every route but /health needs a caller that this room has proven."""

from server_stub.auth.dependencies import current_caller, current_his, current_station
from server_stub.auth.service import AuthService, Caller, HisSecret, Station, request_digest

__all__ = [
    "AuthService",
    "Caller",
    "HisSecret",
    "Station",
    "current_caller",
    "current_his",
    "current_station",
    "request_digest",
]
