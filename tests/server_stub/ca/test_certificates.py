"""R29, R47: event certificates: short-lived, bound, linted, counted, recorded with their audit event."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from sqlalchemy import select

from server_stub.ca import EventCertificate, LintError
from server_stub.ca.lint import lint_event, lint_issued
from server_stub.ca.models import IssuedCertificate
from server_stub.errors import Conflict, NotFound
from signing.pki import Certificate, Sm2Signer, Usage, validate_path
from signing.sm import SM2PrivateKey
from signing.verdict import Outcome, PenwardError
from tests.support.server import Server

OID = "2.25.1234567890"
BINDING = b"\x30\x03\x02\x01\x01"


def issue(server: Server, name: str = "王小明", reference: str = "attempt-1") -> EventCertificate:
    with SM2PrivateKey.generate() as key:
        return server.core.ca.issue_event_certificate(
            spki=key.public_key.spki, common_name=name, binding_oid=OID, binding=BINDING, reference=reference
        )


def row(server: Server, serial: str) -> IssuedCertificate:
    with server.core.store.database.read() as session:
        return session.get_one(IssuedCertificate, serial)


def test_an_event_certificate_is_what_the_protocol_says(server: Server) -> None:
    """notBefore = now − 60 s, at most 24 h, noRevAvail, the binding, and a path to the hospital's root."""
    now = dt.datetime.now(dt.UTC)
    issued = issue(server)
    certificate = issued.certificate
    assert abs(certificate.not_before - (now - dt.timedelta(seconds=60))) < dt.timedelta(seconds=30)
    assert certificate.not_after - certificate.not_before <= dt.timedelta(hours=24)
    assert certificate.extension("2.5.29.56") == b"\x05\x00"
    assert certificate.extension(OID) == BINDING
    assert certificate.key_usage == {"digitalSignature", "nonRepudiation"}
    assert certificate.common_name == "王小明"
    result = validate_path(
        certificate, issued.chain, server.core.hospital.anchors, at=now, usage=Usage.SIGNATURE
    )
    assert all(check.outcome <= Outcome.NOTE for check in result.checks), result.checks
    assert result.anchor == server.core.hospital.certificate("root")


def test_it_is_recorded_with_its_event_before_it_is_given_out(server: Server) -> None:
    issued = issue(server)
    kept = row(server, issued.serial)
    assert (kept.state, kept.reference, kept.certificate) == ("issued", "attempt-1", issued.certificate.der)
    assert server.audited(issued.serial) == ["certificate-issued"]
    assert server.steps.seen == ["ca.event-certificate-recorded"]


@pytest.mark.parametrize("name", ["王小明 11010519491231002X", "110105194912310020"])
def test_no_id_number_gets_into_a_certificate(server: Server, name: str) -> None:
    with pytest.raises(LintError) as refused:
        issue(server, name)
    assert refused.value.code == "ca.id-number-in-name"
    with server.core.store.database.read() as session:
        assert session.scalars(select(IssuedCertificate)).all() == []


def test_a_used_certificate_is_closed(server: Server) -> None:
    issued = issue(server)
    with server.core.store.database.write() as session:
        server.core.ca.mark_used(session, issued.serial)
    kept = row(server, issued.serial)
    assert kept.state == "used"
    assert kept.closed_at is not None
    assert server.audited(issued.serial) == ["certificate-issued", "certificate-used"]
    with pytest.raises(Conflict) as refused, server.core.store.database.write() as session:
        server.core.ca.mark_used(session, issued.serial)
    assert refused.value.code == "ca.certificate-closed"


def test_an_unfinished_attempt_leaves_an_unused_certificate(server: Server) -> None:
    first, other = issue(server, reference="attempt-1"), issue(server, reference="attempt-2")
    with server.core.store.database.write() as session:
        assert server.core.ca.discard(session, "attempt-1") == 1
        assert server.core.ca.discard(session, "attempt-1") == 0
    assert (row(server, first.serial).state, row(server, other.serial).state) == ("unused", "issued")
    with pytest.raises(Conflict), server.core.store.database.write() as session:
        server.core.ca.mark_used(session, first.serial)


def test_a_start_closes_what_nobody_can_use_any_more(server: Server) -> None:
    issue(server)
    with server.core.store.database.write() as session:
        assert server.core.ca.discard_unfinished(session, exclusive=False) == 0
        assert server.core.ca.discard_unfinished(session, exclusive=True) == 1


def test_elsewhere_only_expired_ones_are_closed(server: Server) -> None:
    issue(server)
    server.clock.ahead = dt.timedelta(hours=25)
    with server.core.store.database.write() as session:
        assert server.core.ca.discard_unfinished(session, exclusive=False) == 1


def test_certificates_are_counted(server: Server) -> None:
    """R47: an unlimited number, with a counter."""
    for number in range(3):
        issue(server, reference=f"attempt-{number}")
    with server.core.store.database.write() as session:
        server.core.ca.discard(session, "attempt-0")
        assert server.core.ca.counts(session) == {
            ("patient-event", "issued"): 2,
            ("patient-event", "unused"): 1,
        }


def test_an_unknown_serial_is_refused(server: Server) -> None:
    with pytest.raises(NotFound), server.core.store.database.write() as session:
        server.core.ca.mark_used(session, "00")


def test_the_lint_names_what_differs(server: Server) -> None:
    """A certificate that is not what was asked for never leaves the room."""
    issued = issue(server)
    certificate = issued.certificate
    good: dict[str, object] = {
        "issuer_key": issued.chain[0].public_key,
        "spki": certificate.spki_der,
        "common_name": certificate.common_name,
        "usage": certificate.key_usage,
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
    }
    lint_issued(certificate, **good)  # type: ignore[arg-type]
    hour = dt.timedelta(hours=1)
    for change, field in (
        ({"spki": issued.chain[0].spki_der}, "spki"),
        ({"common_name": "李四"}, "subject"),
        ({"usage": frozenset({"keyCertSign"})}, "key_usage"),
        ({"not_before": certificate.not_before - hour}, "not_before"),
        ({"not_after": certificate.not_after + hour}, "not_after"),
        ({"issuer_key": certificate.public_key}, "signature"),
    ):
        with pytest.raises(LintError) as refused:
            lint_issued(certificate, **(good | change))  # type: ignore[arg-type]
        assert refused.value.params == {"field": field}
    with pytest.raises(LintError) as refused:
        lint_event(certificate, binding_oid=OID, binding=b"other")
    assert refused.value.params == {"field": "binding"}


def test_the_hospital_is_a_test_hospital_and_says_so(server: Server) -> None:
    """The roots' names hold 测试; every role has a path to its root; root keys are not needed to serve."""
    hospital = server.core.hospital
    assert all("测试" in anchor.common_name for anchor in hospital.anchors)
    now = dt.datetime.now(dt.UTC)
    usages = {
        "issuing": Usage.ANY,
        "tsa": Usage.TIME_STAMP,
        "seal-maker": Usage.SEAL,
        "encryption": Usage.ENCRYPTION,
        "server": Usage.SERVER,
        "tls": Usage.SERVER,
    }
    assert set(hospital.roles) == {"root", "tls-root", *usages}
    for role, usage in usages.items():
        result = validate_path(
            hospital.certificate(role), hospital.chain(role), hospital.anchors, at=now, usage=usage
        )
        assert all(check.outcome <= Outcome.NOTE for check in result.checks), (role, result.checks)
    for role in ("root", "tls-root"):
        with pytest.raises(PenwardError) as refused:
            hospital.signer(role)
        assert refused.value.code == "ca.role-missing"
    for role in ("issuing", "tsa", "seal-maker", "encryption", "server"):
        signer = Sm2Signer(hospital.private_key(role))
        assert signer.public_key_spki == hospital.certificate(role).spki_der


def test_serials_are_lower_hex(server: Server) -> None:
    issued = issue(server)
    assert re.fullmatch(r"[0-9a-f]{1,40}", issued.serial)
    assert int(issued.serial, 16) == Certificate.from_der(issued.certificate.der).serial
