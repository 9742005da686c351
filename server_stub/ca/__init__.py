"""The hospital's certificate authority: its own certificates, event certificates, station certificates."""

from server_stub.ca.hospital import Hospital
from server_stub.ca.lint import LintError
from server_stub.ca.service import CertificateAuthority, EventCertificate

__all__ = ["CertificateAuthority", "EventCertificate", "Hospital", "LintError"]
