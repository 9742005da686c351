"""The single-packet operations of GM/T 0029: certificates, signatures over data, signed messages, digests."""

from __future__ import annotations

import secrets

from server_stub.svs.codes import Reply
from server_stub.svs.digests import (
    HASH_SIZE,
    METHOD_OF,
    SGD_SHA256,
    SGD_SM3,
    Running,
    match_method,
    sign_digest,
    signature_bytes,
    sm2_point,
)
from server_stub.svs.directory import Directory, parse_serial
from server_stub.svs.errors import SvsFault
from server_stub.svs.fields import Done, Fields, Request
from server_stub.svs.journal import Signed, digest_of
from server_stub.svs.keys import KeyRing, ServiceKey
from server_stub.svs.messages import build_message, verify_message
from server_stub.svs.parsing import certificate_info
from server_stub.svs.trust import Trust
from signing.pki import Certificate
from signing.sm import DEFAULT_ID, SmError

MAX_RANDOM = 1024
MAX_BATCH = 1000
GOOD, REVOKED, UNKNOWN = 0, 1, 2


class SingleOperations:
    """Each public method is an operation: a request in, its fields and journal entries out."""

    def __init__(self, ring: KeyRing, trust: Trust, directory: Directory) -> None:
        self._ring = ring
        self._trust = trust
        self._directory = directory

    def export_cert(self, request: Request) -> Done:
        """ExportCert {identification} → {cert}."""
        found = self._directory.by_identification(request.fields.text("identification"))
        return Done({"cert": found.der})

    def parse_cert(self, request: Request) -> Done:
        """ParseCert {infoType, cert} → {info}."""
        fields = request.fields
        certificate = self._trust.read(fields.data("cert"))
        try:
            return Done({"info": certificate_info(certificate, fields.number("infoType"))})
        except SmError as error:
            raise SvsFault(Reply.CERTIFICATE_DECODE) from error

    def validate_cert(self, request: Request) -> Done:
        """ValidateCert {cert, ocsp} → {state}: 0 good, 1 revoked, 2 unknown.

        Without `ocsp` revocation is looked up in the CRLs at hand; where there is none the state is unknown.
        """
        fields = request.fields
        data = fields.data("cert")
        try:
            if fields.flag("ocsp"):
                self._trust.check_online(data)
            else:
                self._trust.check(data, 2)
        except SvsFault as fault:
            if fault.reply is Reply.CERTIFICATE_REVOKED:
                return Done({"state": REVOKED})
            if fault.reply is Reply.CRL_NOT_FOUND or fault.reply.value.startswith("ocsp-"):
                return Done({"state": UNKNOWN})
            raise
        return Done({"state": GOOD})

    def sign_data(self, request: Request) -> Done:
        """SignData {signMethod, keyIndex, keyValue, inDataLen, inData} → {signature}."""
        key = unlock(self._ring, request)
        content = request.fields.message()
        signature = key.signer.sign(content)
        return Done({"signature": signature}, (self.entry(request, key, digest_of(content), signature),))

    def verify_signed_data(self, request: Request) -> Done:
        """VerifySignedData {type, cert, certSN, inDataLen, inData, signature, verifyLevel} → {}."""
        fields = request.fields
        certificate = self._trust.check(self.certificate(fields), fields.number("verifyLevel", 0))
        key = certificate.public_key
        if not key.verify(signature_bytes(key, fields.data("signature")), fields.message()):
            raise SvsFault(Reply.INVALID_SIGNATURE)
        return Done()

    def sign_message(self, request: Request) -> Done:
        """SignMessage {signMethod, keyIndex, keyValue, inDataLen, inData, hashFlag, …} → {signedMessage}.

        `hashFlag` TRUE says that inData is the digest of 32 bytes itself: e of SM2 (with ZA), or SHA-256;
        with authenticationAttributes it is the plain digest of the content.
        """
        fields = request.fields
        key = unlock(self._ring, request)
        content = fields.message()
        hashed = fields.flag("hashFlag")
        if hashed and len(content) != HASH_SIZE:
            raise SvsFault(Reply.PARAMETERS, field="inData")
        if fields.flag("crl"):
            raise SvsFault(Reply.CRL_NOT_FOUND, subject=key.certificate.common_name)
        message = build_message(
            key,
            content,
            digest=content if hashed else None,
            original=fields.flag("originalText"),
            chain=fields.flag("certificateChain"),
            attributes=fields.flag("authenticationAttributes"),
            now=self._trust.clock(),
        )
        return Done({"signedMessage": message}, (self.entry(request, key, digest_of(content), message),))

    def verify_signed_message(self, request: Request) -> Done:
        """VerifySignedMessage {inDataLen, inData, signedMessage, …} → {}."""
        fields = request.fields
        content = fields.message() if fields.has("inData") else None
        verify_message(fields.data("signedMessage"), content, self._trust, self.own_certificates())
        return Done()

    def batch_sign_data(self, request: Request) -> Done:
        """SignDataBatch {signMethod, keyIndex, keyValue, count, inData1, …} → {count, signature1, …}.

        At most 1,000 pieces of data by one key; all are signed, or none is.
        """
        fields = request.fields
        count = fields.number("count")
        if not 1 <= count <= MAX_BATCH:
            raise SvsFault(Reply.PARAMETERS, field="count")
        key = unlock(self._ring, request)
        contents = [fields.data(f"inData{place}") for place in range(1, count + 1)]
        answer: dict[str, str | int | bool | bytes] = {"count": count}
        signed = []
        for place, content in enumerate(contents, 1):
            signature = key.signer.sign(content)
            answer[f"signature{place}"] = signature
            signed.append(self.entry(request, key, digest_of(content), signature))
        return Done(answer, tuple(signed))

    def digest(self, request: Request) -> Done:
        """Digest {algId, inData, publicKey, userId} → {digest}: SM3, with ZA of a key before it; SHA-256."""
        fields = request.fields
        method = fields.number("algId", SGD_SM3)
        if method not in (SGD_SM3, SGD_SHA256):
            raise SvsFault(Reply.SIGN_METHOD, method=f"0x{method:08x}")
        point = sm2_point(fields.data("publicKey")) if fields.has("publicKey") else None
        if point is not None and method != SGD_SM3:
            raise SvsFault(Reply.PARAMETERS, field="publicKey")
        running = Running("sm2" if method == SGD_SM3 else "rsa", point, user_id(fields, "userId"))
        running.update(fields.data("inData", empty=True))
        return Done({"digest": running.to_sign() if point else running.plain.finalize()})

    def random(self, request: Request) -> Done:
        """GenRandomData {len} → {randomData}."""
        size = request.fields.number("len")
        if not 1 <= size <= MAX_RANDOM:
            raise SvsFault(Reply.PARAMETERS, field="len")
        return Done({"randomData": secrets.token_bytes(size)})

    def certificate(self, fields: Fields) -> bytes:
        """The certificate (DER) that a request carries (`type` 1) or names by serial number (`type` 2)."""
        kind = fields.number("type", 1 if fields.has("cert") else 2)
        if kind == 1:
            return fields.data("cert")
        if kind == 2:
            value = fields.text("certSN")
            return self._directory.by_serial(parse_serial(value)).der
        raise SvsFault(Reply.PARAMETERS, field="type")

    def own_certificates(self) -> list[Certificate]:
        """What a message need not carry: the certificates of the service's own keys."""
        return [key.certificate for key in self._ring.all()]

    def entry(self, request: Request, key: ServiceKey, content_sm3: str, signature: bytes) -> Signed:
        """What the journal keeps of one signature."""
        return Signed(
            at=self._trust.clock(),
            caller=request.caller,
            operation=request.operation,
            key_index=key.index,
            certificate_serial=f"{key.certificate.serial:x}",
            content_sm3=content_sm3,
            signature_sm3=digest_of(signature),
        )

    def sign_finished(self, request: Request, key: ServiceKey, running: Running) -> tuple[bytes, Signed]:
        """A signature over a digest that has come to its end. Raises SvsFault `PARAMETERS`, `SIGN_METHOD`."""
        check_running(key, running)
        signature = sign_digest(key, running.to_sign())
        return signature, self.entry(request, key, running.plain.copy().finalize().hex(), signature)


def unlock(ring: KeyRing, request: Request, *, usage: str = "sign") -> ServiceKey:
    """The key that a request names, opened by the access code in it.

    Raises:
        SvsFault: `KEY_INDEX`, `KEY_VALUE`, `SIGN_METHOD`.
    """
    fields = request.fields
    index = fields.number("keyIndex")
    key = ring.unlock(index, fields.text("keyValue", ""), caller=request.caller, usage=usage)
    if usage == "sign":
        match_method(fields.number("signMethod", METHOD_OF.get(key.signer.algorithm)), key.signer.algorithm)
    return key


def check_running(key: ServiceKey, running: Running) -> None:
    """Refuse to sign a digest that was begun for another key. Raises SvsFault."""
    if running.algorithm != key.signer.algorithm:
        raise SvsFault(Reply.SIGN_METHOD, method=running.algorithm)
    if running.point is not None and running.point != getattr(key.certificate.public_key, "point", None):
        raise SvsFault(Reply.PARAMETERS, field="signerPublicKey")


def user_id(fields: Fields, name: str) -> bytes:
    """The SM2 user id of a request, by default 1234567812345678."""
    if not fields.has(name):
        return DEFAULT_ID
    found = fields.data(name)
    if len(found) > 8191:
        raise SvsFault(Reply.PARAMETERS, field=name)
    return found
