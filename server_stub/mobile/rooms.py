"""Puts `evidence`, `handwriting` and `mobile` together over the core."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from fastapi import APIRouter

from server_stub.core import Core, Room
from server_stub.evidence import EvidenceService
from server_stub.handwriting import EncryptionKey, EventSigner, HandwritingService
from server_stub.handwriting import api as handwriting_api
from server_stub.handwriting import tasks as handwriting_tasks
from server_stub.mobile import tasks as mobile_tasks
from server_stub.mobile.api import his_router, patient_router
from server_stub.mobile.push import PushHub
from server_stub.mobile.service import TaskRules, TaskService
from server_stub.mobile.station_api import station_router

TASKS_PATH = "/api/v1/tasks"


@dataclass(frozen=True, slots=True)
class Bedside:
    """The services of the three rooms."""

    hub: PushHub
    tasks: TaskService
    handwriting: HandwritingService
    evidence: EvidenceService


def bedside(core: Core) -> Bedside:
    """The services over a core; tests call them without HTTP."""
    settings, hospital, store = core.settings, core.hospital, core.store
    hub = PushHub()
    tasks = TaskService(
        store,
        core.auth,
        hub,
        TaskRules(
            document_bytes=settings.document_limit,
            open_for=dt.timedelta(days=settings.task_days),
            hand_over=dt.timedelta(seconds=settings.challenge_seconds),
        ),
    )
    signer = EventSigner(
        store,
        core.ca,
        seal_maker=core.seals,
        stamper=core.tsa,
        anchors=hospital.anchors,
        checkpoint=core.checkpoint,
    )
    encryption = hospital.certificate("encryption")
    chain = (encryption.der, *(issuer.der for issuer in hospital.chain("encryption")))
    handwriting = HandwritingService(
        store,
        core.auth,
        tasks,
        signer,
        encryption=EncryptionKey(hospital.private_key("encryption"), chain),
        signed_checkpoint=core.signed_checkpoint,
        challenge_lifetime=dt.timedelta(seconds=settings.challenge_seconds),
        checkpoint=core.checkpoint,
    )
    evidence = EvidenceService(
        store,
        hospital.private_key("encryption"),
        anchors=hospital.anchors,
        issuers=hospital.issued_chain,
    )
    return Bedside(hub, tasks, handwriting, evidence)


def rooms(core: Core) -> tuple[Room, ...]:
    """`evidence`, `handwriting` and `mobile` as the app takes them."""
    services = bedside(core)
    callbacks = mobile_tasks.Callbacks(
        core.store, core.auth, authorities=core.settings.callback_authorities or mobile_tasks.system_roots()
    )
    router = APIRouter()
    router.include_router(his_router(core.store, services.tasks, services.evidence))
    router.include_router(patient_router(core.store, services.tasks))
    router.include_router(
        station_router(core.store, core.auth, services.tasks, services.hub, services.evidence)
    )

    def recover(exclusive: bool) -> None:
        if exclusive:
            services.handwriting.recover()

    return (
        Room("evidence", acts=services.evidence.acts),
        Room(
            "handwriting",
            router=handwriting_api.build_router(services.handwriting),
            limits={f"{handwriting_api.PREFIX}/": core.settings.evidence_limit},
            jobs=handwriting_tasks.handlers(services.handwriting),
            periodic={handwriting_tasks.SWEEP_JOB: handwriting_tasks.SWEEP_EVERY},
            recover=recover,
        ),
        Room(
            "mobile",
            router=router,
            limits={TASKS_PATH: core.settings.task_request_limit},
            jobs=mobile_tasks.handlers(services.tasks, callbacks),
            periodic={mobile_tasks.SWEEP_JOB: mobile_tasks.SWEEP_EVERY},
            acts=services.tasks.acts,
        ),
    )
