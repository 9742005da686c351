"""A time stamp authority as a value: request bytes in, response bytes out (RFC 3161, GM/T 0033).

It has no socket and no clock of its own: the clock may refuse (raise `TspError`) when it is not certain
enough, and the response then says timeNotAvailable.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from signing.cms import Dialect, build_signed_data
from signing.cms.oids import TST_INFO
from signing.pki import Certificate, Signer, Usage, digest, usage_allows
from signing.pki.algorithms import DIGEST_OF
from signing.sm import der
from signing.tsp.errors import TspError
from signing.tsp.request import TimeStampRequest, message_imprint, parse_request
from signing.tsp.token import encode_tst_info
from signing.verdict import PenwardError

logger = logging.getLogger("penward.tsp")

# PKIFailureInfo bits (RFC 3161 §2.4.2)
BAD_ALGORITHM, BAD_REQUEST, BAD_DATA_FORMAT = 0, 2, 5
TIME_NOT_AVAILABLE, UNACCEPTED_POLICY, UNACCEPTED_EXTENSION, SYSTEM_FAILURE = 14, 15, 16, 25
_FAILURES = {"tsp.bad-digest": BAD_ALGORITHM, "tsp.bad-request": BAD_DATA_FORMAT}


class TimeStamper(Protocol):
    """Anything that stamps: the authority itself, or a client of a distant one."""

    def stamp(self, message: bytes) -> bytes:
        """A DER time stamp token over `message`.

        Raises:
            TspError: no token could be had.
        """


class TimeStampAuthority:
    """Issues tokens with one key. `clock` gives aware times, `serial` numbers that never repeat.

    `dialect` `gbt35275` writes tokens with the GB/T 35275 identifiers, for clients that know only those.

    Raises:
        TspError: `tsp.wrong-certificate` unless the certificate's sole, critical extended key usage is
            time stamping.
    """

    def __init__(
        self,
        signer: Signer,
        certificate: Certificate,
        chain: Sequence[Certificate],
        *,
        policy: str,
        clock: Callable[[], datetime],
        serial: Callable[[], int],
        accuracy: timedelta | None = timedelta(seconds=1),
        ordering: bool = False,
        dialect: Dialect = "rfc5652",
    ) -> None:
        if not usage_allows(certificate, Usage.TIME_STAMP):
            raise TspError("tsp.wrong-certificate")
        self._signer, self._certificate, self._chain = signer, certificate, tuple(chain)
        self._policy, self._clock, self._serial = policy, clock, serial
        self._accuracy, self._ordering, self._dialect = accuracy, ordering, dialect

    def respond(self, request: bytes) -> bytes:
        """DER TimeStampResp: a token, or a rejection that names its reason."""
        try:
            parsed = parse_request(request)
        except TspError as error:
            return rejection(_FAILURES.get(error.code, BAD_REQUEST))
        if parsed.policy and parsed.policy != self._policy:
            return rejection(UNACCEPTED_POLICY)
        if parsed.has_extensions:
            return rejection(UNACCEPTED_EXTENSION)
        try:
            token = self._issue(parsed.imprint_der, parsed.nonce, parsed.wants_certificate)
        except TspError as error:
            logger.warning("no time stamp: %s", error)
            return rejection(TIME_NOT_AVAILABLE)
        except PenwardError as error:
            logger.error("no time stamp: %s", error)
            return rejection(SYSTEM_FAILURE)
        return der.sequence(der.sequence(der.integer(0)), token)

    def token(self, message: bytes, nonce: int | None = None) -> bytes:
        """A DER token over `message`, hashed with the hash of the authority's own key."""
        algorithm = DIGEST_OF[self._signer.algorithm]
        return self._issue(message_imprint(digest(algorithm, message), algorithm), nonce, True)

    def stamp(self, message: bytes) -> bytes:
        """`TimeStamper`: `token` without a nonce."""
        return self.token(message)

    def _issue(self, imprint_der: bytes, nonce: int | None, with_certificates: bool) -> bytes:
        moment = self._clock()
        if moment.tzinfo is None:
            raise TspError("tsp.time-not-available")
        info = encode_tst_info(
            policy=self._policy,
            imprint_der=imprint_der,
            serial=self._serial(),
            gen_time=moment,
            accuracy=self._accuracy,
            ordering=self._ordering,
            nonce=nonce,
            tsa_name=self._certificate.subject_der,
        )
        return build_signed_data(
            info,
            signer=self._signer,
            certificate=self._certificate,
            chain=self._chain,
            content_type=TST_INFO,
            dialect=self._dialect,
            attributes=True,
            embed_certificates=with_certificates,
        )


def rejection(failure: int) -> bytes:
    """DER TimeStampResp with status rejection and one PKIFailureInfo bit."""
    return der.sequence(der.sequence(der.integer(2), der.named_bits([failure])))


__all__ = ["TimeStampAuthority", "TimeStampRequest", "TimeStamper", "rejection"]
