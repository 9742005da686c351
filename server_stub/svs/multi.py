"""The twelve multi-packet operations of GM/T 0029: Init, Update and Final of four."""

from __future__ import annotations

from server_stub.svs.codes import Reply
from server_stub.svs.contexts import Contexts
from server_stub.svs.digests import (
    Running,
    match_method,
    require_method,
    signature_bytes,
    sm2_point,
    verify_digest,
)
from server_stub.svs.errors import SvsFault
from server_stub.svs.fields import Done, Request
from server_stub.svs.keys import KeyRing
from server_stub.svs.messages import build_message, verify_digested_message
from server_stub.svs.single import SingleOperations, check_running, unlock, user_id
from server_stub.svs.trust import Trust

SIGN_DATA, VERIFY_DATA = "SignData", "VerifySignedData"
SIGN_MESSAGE, VERIFY_MESSAGE = "SignMessage", "VerifySignedMessage"


class MultiOperations:
    """Init opens a digest and gives its handle as `hashValue`; Update takes and gives it; Final ends it."""

    def __init__(self, ring: KeyRing, trust: Trust, single: SingleOperations, contexts: Contexts) -> None:
        self._ring = ring
        self._trust = trust
        self._single = single
        self._contexts = contexts

    def init(self, kind: str, request: Request) -> Done:
        """…Init {signMethod, signerPublicKey, signerIDLen, signerID, inDataLen, inData} → {hashValue}.

        SM2 digests the signer's public key before the message, so that signatures need it here.
        """
        fields = request.fields
        method = fields.number("signMethod")
        algorithm = require_method(method)
        point = None
        if algorithm == "sm2":
            if fields.has("signerPublicKey"):
                point = sm2_point(fields.data("signerPublicKey"))
            elif kind != VERIFY_MESSAGE:
                raise SvsFault(Reply.PARAMETERS, field="signerPublicKey")
        running = Running(algorithm, point, user_id(fields, "signerID"))
        running.update(fields.message())
        return Done({"hashValue": self._contexts.open(kind, request.caller, method, running)})

    def update(self, kind: str, request: Request) -> Done:
        """…Update {signMethod, hashValueLen, hashValue, inDataLen, inData} → {hashValue}."""
        fields = request.fields
        handle = fields.message("hashValue", "hashValueLen")
        self._contexts.update(handle, kind, request.caller, fields.number("signMethod"), fields.message())
        return Done({"hashValue": handle})

    def sign_data_final(self, request: Request) -> Done:
        """SignDataFinal {signMethod, keyIndex, keyValue, hashValueLen, hashValue} → {signature}."""
        key = unlock(self._ring, request)
        signature, signed = self._single.sign_finished(request, key, self._take(SIGN_DATA, request))
        return Done({"signature": signature}, (signed,))

    def verify_signed_data_final(self, request: Request) -> Done:
        """VerifySignedDataFinal {signMethod, type, cert, certSN, hashValue, signature, verifyLevel} → {}."""
        fields = request.fields
        running = self._take(VERIFY_DATA, request)
        level = fields.number("verifyLevel", 0)
        certificate = self._trust.check(self._single.certificate(fields), level)
        key = certificate.public_key
        match_method(fields.number("signMethod"), key.algorithm)
        if running.point is not None and running.point != getattr(key, "point", None):
            raise SvsFault(Reply.INVALID_SIGNATURE)
        signature = signature_bytes(key, fields.data("signature"))
        if not verify_digest(key, signature, running.to_sign()):
            raise SvsFault(Reply.INVALID_SIGNATURE)
        return Done()

    def sign_message_final(self, request: Request) -> Done:
        """SignMessageFinal {signMethod, keyIndex, keyValue, hashValueLen, hashValue} → {signedMessage}.

        The message is detached, without attributes: the content has gone by.
        """
        key = unlock(self._ring, request)
        running = self._take(SIGN_MESSAGE, request)
        check_running(key, running)
        message = build_message(key, b"", digest=running.to_sign(), now=self._trust.clock())
        content_sm3 = running.plain.copy().finalize().hex()
        return Done({"signedMessage": message}, (self._single.entry(request, key, content_sm3, message),))

    def verify_signed_message_final(self, request: Request) -> Done:
        """VerifySignedMessageFinal {signMethod, hashValueLen, hashValue, signedMessage} → {}."""
        running = self._take(VERIFY_MESSAGE, request)
        verify_digested_message(
            request.fields.data("signedMessage"), running, self._trust, self._single.own_certificates()
        )
        return Done()

    def _take(self, kind: str, request: Request) -> Running:
        fields = request.fields
        handle = fields.message("hashValue", "hashValueLen")
        return self._contexts.take(handle, kind, request.caller, fields.number("signMethod"))
