"""R28: the one-time seal around drawn ink, signed by the hospital's seal-maker."""

from __future__ import annotations

from server_stub.ca import EventCertificate
from signing.seal import Picture, parse_seal
from signing.sm import SM2PrivateKey
from tests.support.server import Server


def event(server: Server) -> EventCertificate:
    with SM2PrivateKey.generate() as key:
        return server.core.ca.issue_event_certificate(
            spki=key.public_key.spki,
            common_name="王小明",
            binding_oid="2.25.1",
            binding=b"\5\0",
            reference="a",
        )


def test_a_seal_is_for_one_certificate_and_as_long_as_it(server: Server) -> None:
    certificate = event(server).certificate
    made = server.core.seals.one_time_seal(
        name="手写签名", picture=Picture("png", b"\x89PNG", 30, 12), certificate=certificate
    )
    seal = parse_seal(made)
    assert [bytes(item) for item in seal.certificates] == [certificate.der]
    assert (seal.valid_from, seal.valid_to) == (certificate.not_before, certificate.not_after)
    assert seal.maker_certificate == server.core.seals.certificate.der
    assert server.core.seals.certificate.public_key.verify(seal.signature, seal.signed_bytes)


def test_two_seals_have_two_identifiers(server: Server) -> None:
    certificate = event(server).certificate
    picture = Picture("png", b"\x89PNG", 30, 12)
    first, second = (
        parse_seal(server.core.seals.one_time_seal(name="签名", picture=picture, certificate=certificate))
        for _ in range(2)
    )
    assert first.esid != second.esid
