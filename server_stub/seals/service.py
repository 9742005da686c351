"""Who signs the one-time seal around a patient's drawn ink (GB/T 38540): the hospital's seal-maker."""

from __future__ import annotations

from server_stub.ca import Hospital
from signing.ofd.signatures import SealMaker


def seal_maker(hospital: Hospital) -> SealMaker:
    """Key, certificate and issuers (without the root) of the hospital's seal-maker, as `sign_ofd` takes them.

    Raises:
        SetupError: `ca.role-missing`.
    """
    role = "seal-maker"
    return SealMaker(hospital.signer(role), hospital.certificate(role), hospital.chain(role))
