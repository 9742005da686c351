"""HTTP of enrolment: the one route whose proof lies in its body, a one-time code."""

from __future__ import annotations

import base64
import datetime as dt
import json

import anyio.to_thread
from fastapi import APIRouter, Request
from pydantic import ValidationError
from sqlalchemy import func, select

from server_stub.auth.schemas import EnrolReply, EnrolRequest
from server_stub.core import Core
from server_stub.errors import Unauthenticated, Unprocessable
from server_stub.store import AuditEvent, AuditKind
from signing.pki import Certificate

ENROL_PATH = "/api/v1/stations/enrol"
AUDITED_REFUSALS_A_MINUTE = 30


def build_router(core: Core) -> APIRouter:
    """The routes of this room."""
    router = APIRouter()

    @router.post(ENROL_PATH, status_code=201, response_model=EnrolReply)
    async def enrol(request: Request) -> EnrolReply:
        """Enrol a station by its one-time code."""
        body = await request.body()
        try:
            return await anyio.to_thread.run_sync(_enrol, core, body)
        except Unauthenticated as error:
            await anyio.to_thread.run_sync(_refused, core, error)
            raise

    return router


def _refused(core: Core, error: Unauthenticated) -> None:
    """Audit a refusal; a flood from somebody unknown stops at a bound, so that it cannot fill the log."""
    recent = select(func.count()).where(
        AuditEvent.kind == AuditKind.ENROLMENT_REFUSED.value,
        AuditEvent.at > core.store.clock() - dt.timedelta(minutes=1),
    )
    with core.store.database.read() as session:
        if (session.scalar(recent) or 0) >= AUDITED_REFUSALS_A_MINUTE:
            return
    with core.store.database.write() as session:
        core.store.audit.append(
            session, AuditKind.ENROLMENT_REFUSED, actor="enrolment", data={"reason": error.code}
        )


def _enrol(core: Core, body: bytes) -> EnrolReply:
    """Look at the code before anything else, so that who has none learns nothing but 401."""
    try:
        content = json.loads(body)
        code = content["code"] if isinstance(content, dict) else None
    except (ValueError, KeyError, RecursionError):
        code = None
    if not isinstance(code, str) or not code:
        raise Unauthenticated("auth.no-credentials")
    with core.store.database.read() as session:
        core.auth.check_code(session, code)
    try:
        wanted = EnrolRequest.model_validate(content)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, item["loc"])) for item in error.errors())
        raise Unprocessable("server.request-wrong", fields=fields) from error
    with core.store.database.write() as session:
        station = core.auth.enrol(session, code=code, name=wanted.name, ward=wanted.ward, spki=wanted.spki)
        checkpoint = core.signed_checkpoint(session)
    hospital = core.hospital
    return EnrolReply(
        station_id=station.id,
        ward=station.ward,
        hospital=core.settings.hospital,
        hospital_root_pem=[anchor.pem.decode("ascii") for anchor in hospital.anchors],
        encryption_certificate_b64=_b64(hospital.certificate("encryption")),
        encryption_chain_b64=[
            _b64(item) for item in (hospital.certificate("encryption"), *hospital.chain("encryption"))
        ],
        server_certificate_b64=_b64(hospital.certificate("server")),
        station_certificate_b64=base64.b64encode(station.certificate).decode("ascii"),
        checkpoint=checkpoint.to_dict(),
    )


def _b64(certificate: Certificate) -> str:
    return base64.b64encode(certificate.der).decode("ascii")
