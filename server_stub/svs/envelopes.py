"""Digital envelopes: made for any certificate, opened with an encryption key of the service."""

from __future__ import annotations

import re

from server_stub.svs.codes import Reply
from server_stub.svs.directory import Directory
from server_stub.svs.errors import SvsFault
from server_stub.svs.fields import Done, Fields, Request
from server_stub.svs.keys import KeyRing, ServiceKey
from server_stub.svs.single import unlock
from server_stub.svs.trust import CHAIN, Trust
from signing.cms import CmsError, RsaOpener, Sm2Opener, build_enveloped_data, open_envelope, parse_envelope
from signing.cms.envelope import Opener
from signing.pki import Certificate, RsaSigner, Sm2Signer, Usage, usage_allows

_NUMBER = re.compile(r"\d{1,4}")


class EnvelopeOperations:
    """envelopeEnc and envelopeDec."""

    def __init__(self, ring: KeyRing, trust: Trust, directory: Directory) -> None:
        self._ring = ring
        self._trust = trust
        self._directory = directory

    def encrypt(self, request: Request) -> Done:
        """envelopeEnc {certID or cert, data} → {envelopedData}: SM4-CBC, its key by SM2 or RSA.

        The certificate must be valid, of a known CA, and for encryption.
        """
        fields = request.fields
        certificate = self._trust.check(self._recipient(fields).der, CHAIN)
        if not usage_allows(certificate, Usage.ENCRYPTION):
            raise SvsFault(Reply.CERTIFICATE)
        is_sm2 = certificate.public_key.algorithm == "sm2"
        try:
            made = build_enveloped_data(
                fields.data(_content_name(fields), empty=True),
                [certificate],
                dialect="gbt35275" if is_sm2 else "rfc5652",
            )
        except CmsError as error:
            raise SvsFault(Reply.MESSAGE_FAILED) from error
        return Done({"envelopedData": made})

    def decrypt(self, request: Request) -> Done:
        """envelopeDec {keyIndex, keyValue, envelopedData} → {data}.

        Whatever is wrong with the envelope has one answer: its padding tells nothing.
        """
        key = unlock(self._ring, request, usage="encrypt")
        data = request.fields.data("envelopedData")
        try:
            opened = open_envelope(parse_envelope(data), _opener(key), key.certificate)
        except CmsError as error:
            raise SvsFault(Reply.DATA_FORMAT, field="envelopedData") from error
        return Done({"data": opened.content})

    def _recipient(self, fields: Fields) -> Certificate:
        if fields.has("cert"):
            return self._trust.read(fields.data("cert"))
        name = fields.text("certID")
        if _NUMBER.fullmatch(name):
            for key in self._ring.all():
                if (key.index, key.usage) == (int(name), "encrypt"):
                    return key.certificate
        return self._directory.by_identification(name)


def _content_name(fields: Fields) -> str:
    return "data" if fields.has("data") else "inData"


def _opener(key: ServiceKey) -> Opener:
    if isinstance(key.signer, Sm2Signer):
        return Sm2Opener(key.signer.key)
    if isinstance(key.signer, RsaSigner):
        return RsaOpener(key.signer.key)
    raise SvsFault(Reply.SIGN_METHOD, method=key.signer.algorithm)
