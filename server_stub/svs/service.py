"""The sign/verify service: operations by name over keys, trust and journal; it knows no HTTP.

GM/T 0029-2014 (GB/T 38629-2020): single-packet operations, twelve multi-packet ones, and those that
devices have beside them.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

from server_stub.svs.codes import CodeTable, Reply
from server_stub.svs.contexts import Contexts
from server_stub.svs.directory import Directory
from server_stub.svs.envelopes import EnvelopeOperations
from server_stub.svs.errors import SvsFault
from server_stub.svs.fields import Done, Request
from server_stub.svs.journal import Journal
from server_stub.svs.keys import KeyRing
from server_stub.svs.multi import SIGN_DATA, SIGN_MESSAGE, VERIFY_DATA, VERIFY_MESSAGE, MultiOperations
from server_stub.svs.single import SingleOperations
from server_stub.svs.trust import Trust
from server_stub.svs.xmloperations import XmlOperations
from signing.verdict import PenwardError

log = logging.getLogger("penward.svs")

Operation = Callable[[Request], Done]

HOT = frozenset(
    {"SignData", "VerifySignedData", "SignMessage", "VerifySignedMessage", "Digest", "GenRandomData"}
)


class SignVerifyServer:
    """Runs operations by their GM/T 0029 name."""

    def __init__(
        self, ring: KeyRing, trust: Trust, directory: Directory, journal: Journal, codes: CodeTable
    ) -> None:
        self.ring = ring
        self.trust = trust
        self.directory = directory
        self.journal = journal
        self.codes = codes
        self.contexts = Contexts()
        single = SingleOperations(ring, trust, directory)
        multi = MultiOperations(ring, trust, single, self.contexts)
        envelopes = EnvelopeOperations(ring, trust, directory)
        xml = XmlOperations(ring, trust, single)
        self.operations: dict[str, Operation] = {
            "ExportCert": single.export_cert,
            "ParseCert": single.parse_cert,
            "ValidateCert": single.validate_cert,
            "SignData": single.sign_data,
            "VerifySignedData": single.verify_signed_data,
            "SignMessage": single.sign_message,
            "VerifySignedMessage": single.verify_signed_message,
            "Digest": single.digest,
            "GenRandomData": single.random,
            "SignDataBatch": single.batch_sign_data,
            "SignDataFinal": multi.sign_data_final,
            "VerifySignedDataFinal": multi.verify_signed_data_final,
            "SignMessageFinal": multi.sign_message_final,
            "VerifySignedMessageFinal": multi.verify_signed_message_final,
            "envelopeEnc": envelopes.encrypt,
            "envelopeDec": envelopes.decrypt,
            "SignXML": xml.sign_xml,
            "VerifyXML": xml.verify_xml,
            "SignEBill": xml.sign_bill,
            "VerifyEBill": xml.verify_bill,
        }
        for kind in (SIGN_DATA, VERIFY_DATA, SIGN_MESSAGE, VERIFY_MESSAGE):
            self.operations[f"{kind}Init"] = functools.partial(multi.init, kind)
            self.operations[f"{kind}Update"] = functools.partial(multi.update, kind)

    def call(self, request: Request) -> Done:
        """Run one operation.

        Raises:
            SvsFault: whatever it is refused with; `DATA_FORMAT` for content that `signing` refuses,
                `PARAMETERS` for an unknown operation.
        """
        operation = self.operations.get(request.operation)
        if operation is None:
            raise SvsFault(Reply.PARAMETERS, field=request.operation[:40])
        try:
            return operation(request)
        except SvsFault:
            raise
        except PenwardError as error:
            log.info("%s by %s: %s", request.operation, request.caller, error.code)
            raise SvsFault(Reply.DATA_FORMAT, field=error.code) from error

    def is_quick(self, request: Request) -> bool:
        """Whether the operation takes under a few milliseconds: no scrypt, no database, no XML."""
        if request.operation not in HOT or self.ring.is_stale:
            return False
        fields = request.fields
        if not fields.has("keyIndex"):
            return not fields.has("certSN")
        try:
            return self.ring.is_open(fields.number("keyIndex"), fields.text("keyValue", ""))
        except SvsFault:
            return True
