"""HTTP of the services for other systems: certificate login, data keys, record integrity, who signed what."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection

from server_stub.auth import Caller, current_caller
from server_stub.errors import Forbidden
from server_stub.store import Store
from server_stub.svs import schemas
from server_stub.svs.datakeys import DataKeys
from server_stub.svs.journal import find_signatures
from server_stub.svs.login import CertificateLogin
from server_stub.svs.schemas import b64
from signing.wire import format_time

API = "/api/v1"
MAX_DATA = 24 << 20
LIMITS = {f"{API}/data-keys/": MAX_DATA}
MAX_LISTED = 1000


def current_system(request: HTTPConnection) -> Caller:
    """The calling system. Raises Forbidden `auth.his-only`."""
    caller = current_caller(request)
    if caller.kind != "his":
        raise Forbidden("auth.his-only")
    return caller


def build_router(store: Store, login: CertificateLogin, keys: DataKeys) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix=API)

    @router.post("/login/begin")
    def begin(wanted: schemas.LoginBegin, caller: Caller = Depends(current_system)) -> schemas.Reply:  # noqa: B008
        """First step of a certificate login."""
        made = login.begin(caller.actor, wanted.data("certificate_b64"), wanted.data("client_random_b64"))
        return {
            "login_id": b64(made.login_id),
            "server_random_b64": b64(made.server_random),
            "server_signature_b64": b64(made.signature),
            "server_certificate_b64": b64(made.certificate.der),
            "server_chain_b64": [b64(item.der) for item in made.chain],
            "expires_at": format_time(made.expires_at),
        }

    @router.post("/login/finish")
    def finish(wanted: schemas.LoginFinish, caller: Caller = Depends(current_system)) -> schemas.Reply:  # noqa: B008
        """Second step: who has logged in."""
        done = login.finish(caller.actor, wanted.data("login_id"), wanted.data("signature_b64"))
        return {
            "subject": done.certificate.subject_text,
            "common_name": done.certificate.common_name,
            "issuer": done.certificate.issuer_text,
            "serial": f"{done.certificate.serial:x}",
            "revocation_checked": done.revocation_checked,
            "at": format_time(done.at),
        }

    @router.post("/data-keys", status_code=201)
    def make(wanted: schemas.DataKeyNew, caller: Caller = Depends(current_system)) -> schemas.Reply:  # noqa: B008
        """Make a data key of the caller's own."""
        return {"name": wanted.name, "version": keys.make(caller.actor, wanted.purpose, wanted.name)}

    @router.post("/data-keys/{name}/rotate")
    def rotate(
        name: str,
        wanted: schemas.Rotation,
        caller: Caller = Depends(current_system),  # noqa: B008
    ) -> schemas.Reply:
        """The next version of a data key."""
        version = keys.rotate(caller.actor, wanted.purpose, name, wanted.from_version)
        return {"name": name, "version": version}

    @router.post("/data-keys/{name}/encrypt")
    def encrypt(
        name: str,
        wanted: schemas.Plain,
        caller: Caller = Depends(current_system),  # noqa: B008
    ) -> schemas.Reply:
        """Seal data."""
        context = wanted.context.encode("utf-8", "surrogatepass")
        return {
            "ciphertext_b64": b64(keys.encrypt(caller.actor, name, wanted.data("plaintext_b64"), context))
        }

    @router.post("/data-keys/{name}/decrypt")
    def decrypt(
        name: str,
        wanted: schemas.Sealed,
        caller: Caller = Depends(current_system),  # noqa: B008
    ) -> schemas.Reply:
        """Open sealed data."""
        context = wanted.context.encode("utf-8", "surrogatepass")
        return {
            "plaintext_b64": b64(keys.decrypt(caller.actor, name, wanted.data("ciphertext_b64"), context))
        }

    @router.post("/data-keys/{name}/mac")
    def protect(
        name: str,
        wanted: schemas.Record,
        caller: Caller = Depends(current_system),  # noqa: B008
    ) -> schemas.Reply:
        """Protect a record's integrity."""
        version, mac = keys.protect(caller.actor, name, wanted.record, wanted.data("content_b64"))
        return {"version": version, "mac_b64": b64(mac)}

    @router.post("/data-keys/{name}/mac/verify")
    def verify(
        name: str,
        wanted: schemas.ProtectedRecord,
        caller: Caller = Depends(current_system),  # noqa: B008
    ) -> schemas.Reply:
        """Whether a record is what was protected."""
        content, mac = wanted.data("content_b64"), wanted.data("mac_b64")
        return {"intact": keys.is_intact(caller.actor, name, wanted.record, content, wanted.version, mac)}

    @router.get("/signatures")
    def signatures(
        content_sm3: str | None = None,
        key_index: int | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int = 200,
        caller: Caller = Depends(current_system),  # noqa: B008
    ) -> schemas.Reply:
        """Who signed what and when: the caller's own signatures, and anybody's over content it names."""
        with store.database.read() as session:
            rows = find_signatures(
                session,
                caller=None if content_sm3 else caller.actor,
                content_sm3=content_sm3.lower() if content_sm3 else None,
                key_index=key_index,
                since=_aware(since),
                until=_aware(until),
                limit=max(1, min(limit, MAX_LISTED)),
            )
        return {
            "signatures": [
                {
                    "id": row.id,
                    "at": format_time(row.at.replace(microsecond=0)),
                    "caller": row.caller,
                    "operation": row.operation,
                    "key_index": row.key_index,
                    "certificate_serial": row.certificate_serial,
                    "content_sm3": row.content_sm3,
                    "signature_sm3": row.signature_sm3,
                }
                for row in rows
            ]
        }

    return router


def _aware(moment: dt.datetime | None) -> dt.datetime | None:
    return moment.replace(tzinfo=dt.UTC) if moment is not None and moment.tzinfo is None else moment
