"""R28: the one-time seal around drawn ink is made by the hospital's seal-maker, for one certificate."""

from __future__ import annotations

import datetime as dt

from server_stub.ca import EventCertificate
from signing.ink import decode_record, draw_picture
from signing.ofd.package import open_package
from signing.ofd.signatures import normalise, sign_ofd
from signing.pki import Sm2Signer
from signing.seal import Seal, parse_seal
from signing.sm import SM2PrivateKey
from signing.wire import StampBox
from tests.support.server import Server
from tests.support.strokes import record_bytes
from tests.support.tiny_ofd import tiny_ofd


def sealed(server: Server) -> tuple[Seal, EventCertificate]:
    """The seal of a document that is signed with what the core hands out, and its event certificate."""
    data = normalise(tiny_ofd())
    with SM2PrivateKey.generate() as key:
        event = server.core.ca.issue_event_certificate(
            spki=key.public_key.spki,
            common_name="王小明",
            binding_oid="2.25.1",
            binding=b"\5\0",
            reference="a",
        )
        signed = sign_ofd(
            data,
            boxes=[StampBox(0, 20.0, 20.0, 60.0, 20.0)],
            picture=draw_picture(decode_record(record_bytes("王小明", seed=1))),
            signer=Sm2Signer(key),
            certificate=event.certificate,
            chain=event.chain,
            seal_maker=server.core.seals,
            stamper=server.core.tsa,
            signed_at=dt.datetime.now(dt.UTC),
        )
    package = open_package(signed)
    name = next(name for name in package.names() if name.endswith("Seal.esl"))
    return parse_seal(package.read(name)), event


def test_a_seal_is_for_one_certificate_and_as_long_as_it(server: Server) -> None:
    seal, event = sealed(server)
    assert [bytes(item) for item in seal.certificates] == [event.certificate.der]
    assert (seal.valid_from, seal.valid_to) == (event.certificate.not_before, event.certificate.not_after)


def test_the_hospitals_seal_maker_has_signed_it(server: Server) -> None:
    seal, _ = sealed(server)
    maker = server.core.hospital.certificate("seal-maker")
    assert seal.maker_certificate == maker.der == server.core.seals.certificate.der
    assert maker.public_key.verify(seal.signature, seal.signed_bytes)
    assert server.core.seals.chain == (server.core.hospital.certificate("issuing"),)


def test_two_seals_have_two_identifiers(server: Server) -> None:
    assert sealed(server)[0].esid != sealed(server)[0].esid
