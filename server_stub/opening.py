"""Opens a hospital's folder: database, vault, certificates, and the lower rooms over them."""

from __future__ import annotations

from collections.abc import Callable

from server_stub import auth, ca, tsa
from server_stub.clock import ClockPlan, ClockService
from server_stub.config import Settings
from server_stub.core import Core
from server_stub.seals import seal_maker
from server_stub.store import Clock, Database, KeyVault, Store, utc_now
from server_stub.store.migrate import require_current


def load_core(
    settings: Settings,
    passphrase: str,
    *,
    clock: Clock = utc_now,
    checkpoint: Callable[[str], None] = lambda _step: None,
    exclusive: bool = False,
) -> Core:
    """Open a hospital's folder. `exclusive` says that the folder's lock is held by this server.

    Raises:
        SetupError: the database does not answer or needs a migration, the passphrase is wrong, a key
            is damaged.
    """
    database = Database(settings.database)
    try:
        database.check()
        require_current(database)
        store = Store(database, settings.blob_folder, clock=clock, checkpoint=checkpoint)
        with database.read() as session:
            vault = KeyVault.open(session, passphrase, clock)
            hospital = ca.Hospital.load(session, vault)
        authority = ca.CertificateAuthority(
            store, hospital, event_hours=settings.event_certificate_hours, checkpoint=checkpoint
        )
        if exclusive and database.is_sqlite:
            with database.write() as session:
                store.audit.take_over(session)
        timekeeper = ClockService(
            ClockPlan(
                sources=settings.clock_sources,
                board=settings.clock_board,
                board_baud=settings.clock_board_baud,
                listen=settings.clock_listen,
                oscillator=settings.clock_class,
                poll_seconds=settings.clock_poll_seconds,
                alarm_seconds=settings.tsa_accuracy_ms / 1000,
            ),
            status_folder=settings.directory,
        )
        stamper = tsa.LocalTimeStamper(
            hospital.signer("tsa"),
            hospital.certificate("tsa"),
            hospital.chain("tsa"),
            clock=clock,
            node=store.audit.writer_number(),
            policy=settings.tsa_policy,
            accuracy_ms=settings.tsa_accuracy_ms,
            source=timekeeper if timekeeper.configured else None,
        )
        return Core(
            settings=settings,
            store=store,
            vault=vault,
            hospital=hospital,
            auth=auth.AuthService(store, vault, authority),
            ca=authority,
            tsa=stamper,
            seals=seal_maker(hospital),
            clock=timekeeper,
            checkpoint=checkpoint,
        )
    except BaseException:
        database.close()
        raise
