"""The hospital's own certificates and keys by role, loaded once from the database and the vault."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from server_stub.ca.models import HospitalCertificate
from server_stub.errors import SetupError
from server_stub.store import KeyVault
from signing.pki import Certificate, Signer, load_signer
from signing.pki.signers import Sm2Signer
from signing.sm import SM2PrivateKey

KEY_PURPOSE = "hospital"
ROOT_ROLES = ("root", "tls-root")
ISSUERS = {
    "issuing": "root",
    "tsa": "issuing",
    "seal-maker": "issuing",
    "encryption": "issuing",
    "server": "issuing",
    "tls": "tls-root",
}
"""Role → role of its issuer. Event and station certificates are issued by `issuing`."""


class Hospital:
    """Certificates of every role, and signers for all but the roots, whose keys are not needed to serve."""

    def __init__(self, certificates: Mapping[str, Certificate], signers: Mapping[str, Signer]) -> None:
        self._certificates = dict(certificates)
        self._signers = dict(signers)

    @classmethod
    def load(cls, session: Session, vault: KeyVault) -> Hospital:
        """Read all roles.

        Raises:
            SetupError: `ca.role-missing`, or `store.key-damaged`.
        """
        certificates: dict[str, Certificate] = {}
        signers: dict[str, Signer] = {}
        for row in session.scalars(select(HospitalCertificate)):
            certificates[row.role] = Certificate.from_der(row.certificate)
            if row.key_id:
                signers[row.role] = load_signer(vault.get(session, KEY_PURPOSE, row.key_id))
        for role in (*ROOT_ROLES, *ISSUERS):
            if role not in certificates or (role in ISSUERS and role not in signers):
                raise SetupError("ca.role-missing", role=role)
            if role in signers and signers[role].public_key_spki != certificates[role].spki_der:
                raise SetupError("ca.key-not-of-certificate", role=role)
        return cls(certificates, signers)

    @property
    def anchors(self) -> tuple[Certificate, ...]:
        """The roots: SM2 first, then that of TLS."""
        return tuple(self._certificates[role] for role in ROOT_ROLES)

    @property
    def roles(self) -> tuple[str, ...]:
        """All roles that are there."""
        return tuple(self._certificates)

    def certificate(self, role: str) -> Certificate:
        """The certificate of a role."""
        return self._certificates[role]

    def chain(self, role: str) -> tuple[Certificate, ...]:
        """The issuers of a role's certificate, nearest first, without the root."""
        found = []
        issuer = ISSUERS.get(role, "")
        while issuer in ISSUERS:
            found.append(self._certificates[issuer])
            issuer = ISSUERS[issuer]
        return tuple(found)

    @property
    def issued_chain(self) -> tuple[Certificate, ...]:
        """The issuers of event and station certificates, nearest first, without the root."""
        return (self._certificates["issuing"], *self.chain("issuing"))

    def signer(self, role: str) -> Signer:
        """The signer of a role. Raises SetupError `ca.role-missing` for a root."""
        try:
            return self._signers[role]
        except KeyError:
            raise SetupError("ca.role-missing", role=role) from None

    def private_key(self, role: str) -> SM2PrivateKey:
        """The SM2 key of a role (`encryption` opens packages). Raises SetupError `ca.role-missing`."""
        signer = self.signer(role)
        if not isinstance(signer, Sm2Signer):
            raise SetupError("ca.role-missing", role=role)
        return signer.key
