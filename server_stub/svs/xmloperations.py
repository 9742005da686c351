"""Operations over XML: XML-DSig and fiscal bills."""

from __future__ import annotations

from server_stub.svs.codes import Reply
from server_stub.svs.digests import signature_bytes
from server_stub.svs.ebills import sign_bill, verify_bill
from server_stub.svs.errors import SvsFault
from server_stub.svs.fields import Done, Request
from server_stub.svs.journal import digest_of
from server_stub.svs.keys import KeyRing
from server_stub.svs.single import SingleOperations, unlock
from server_stub.svs.trust import CHAIN, Trust
from server_stub.svs.xmlsignatures import read_detached, read_enveloped, sign_detached, sign_enveloped


class XmlOperations:
    """SignXML, VerifyXML, SignEBill, VerifyEBill."""

    def __init__(self, ring: KeyRing, trust: Trust, single: SingleOperations) -> None:
        self._ring = ring
        self._trust = trust
        self._single = single

    def sign_xml(self, request: Request) -> Done:
        """SignXML {signMethod, keyIndex, keyValue, inData, detached, certificateChain} → {signedXML}."""
        fields = request.fields
        key = unlock(self._ring, request)
        content = fields.message()
        make = sign_detached if fields.flag("detached") else sign_enveloped
        chain = key.chain if fields.flag("certificateChain") else ()
        made = make(content, key.signer, key.certificate, chain)
        return Done({"signedXML": made}, (self._single.entry(request, key, digest_of(content), made),))

    def verify_xml(self, request: Request) -> Done:
        """VerifyXML {signedXML, inData, verifyLevel} → {cert}; inData is there for a detached signature."""
        fields = request.fields
        data = fields.data("signedXML")
        found = read_detached(data, fields.message()) if fields.has("inData") else read_enveloped(data)
        certificate = self._trust.check(found.certificate, fields.number("verifyLevel", CHAIN))
        key = certificate.public_key
        if key.algorithm != found.algorithm:
            raise SvsFault(Reply.SIGN_METHOD, method=found.algorithm)
        if not key.verify(signature_bytes(key, found.value), found.signed_info):
            raise SvsFault(Reply.INVALID_SIGNATURE)
        return Done({"cert": certificate.der})

    def sign_bill(self, request: Request) -> Done:
        """SignEBill {signMethod, keyIndex, keyValue, inData, role issuer|supervisor} → {signedBill}."""
        fields = request.fields
        key = unlock(self._ring, request)
        data = fields.message()
        made, signed = sign_bill(data, fields.text("role", "issuer"), key, self._trust.clock())
        return Done({"signedBill": made}, (self._single.entry(request, key, digest_of(signed), made),))

    def verify_bill(self, request: Request) -> Done:
        """VerifyEBill {signedBill} → {count, role1, time1, cert1, …}."""
        found = verify_bill(request.fields.data("signedBill"), self._trust, self._single.own_certificates())
        answer: dict[str, str | int | bool | bytes] = {"count": len(found)}
        for place, signature in enumerate(found, 1):
            answer[f"role{place}"] = signature.role
            answer[f"time{place}"] = signature.time
            answer[f"cert{place}"] = signature.certificate.der
        return Done(answer)
