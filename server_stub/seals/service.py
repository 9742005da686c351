"""Makes the one-time seal around a patient's drawn ink (GB/T 38540), signed by the hospital's seal-maker."""

from __future__ import annotations

from server_stub.ca import Hospital
from server_stub.store import Clock, new_id
from signing.pki import Certificate, Signer
from signing.seal import Picture, build_seal_v4, chain_extension

VENDOR = "PENWARD"


class SealMaker:
    """Holds the seal-maker's certificate and key by way of the hospital."""

    def __init__(self, hospital: Hospital, *, clock: Clock) -> None:
        self._hospital = hospital
        self._clock = clock

    @property
    def signer(self) -> Signer:
        """The seal-maker's key."""
        return self._hospital.signer("seal-maker")

    @property
    def certificate(self) -> Certificate:
        """The seal-maker's certificate."""
        return self._hospital.certificate("seal-maker")

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """Its issuers without the root."""
        return self._hospital.chain("seal-maker")

    def one_time_seal(self, *, name: str, picture: Picture, certificate: Certificate) -> bytes:
        """A SESeal (DER) for one event certificate, valid as long as that certificate.

        `name` is shown as the seal's name, `picture` is the drawn ink.

        Raises:
            SealError: the picture or the certificate cannot be put into a seal.
        """
        return build_seal_v4(
            esid=new_id("seal"),
            name=name,
            vendor_id=VENDOR,
            picture=picture,
            certificates=[certificate.der],
            valid_from=certificate.not_before,
            valid_to=certificate.not_after,
            created=self._clock(),
            maker=self.signer,
            maker_certificate=self.certificate,
            ext_datas=[chain_extension(self.chain)],
        )
