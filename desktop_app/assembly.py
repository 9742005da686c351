"""Puts the bedside together: station, server, pad, camera, checks, window."""

from __future__ import annotations

import sys
from collections.abc import Callable

from desktop_app import theme
from desktop_app.background import Background
from desktop_app.bedside.checking import LocalChecker
from desktop_app.bedside.evidence import StationEvidence
from desktop_app.bedside.jobs import Equipment
from desktop_app.bedside.signing_desk import SigningDesk
from desktop_app.devices.openers import SimulatedPads, opener
from desktop_app.devices.prompt import PadPrompt
from desktop_app.documents import ShownDocument, digest
from desktop_app.qt import QApplication
from desktop_app.server import StationServer
from desktop_app.station import Station
from desktop_app.window import MainWindow, Place
from desktop_app.words import Words
from drivers.camera import CameraSource
from signing.verdict import Language
from signing.verify import verify_bytes


def make_application() -> QApplication:
    """The Qt application in the house's style; the one that exists, if there is one."""
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("penward-desktop")
    theme.apply(app)
    return app


def build_window(
    station: Station,
    server: StationServer,
    *,
    language: Language,
    pad_kind: str,
    simulated: SimulatedPads | None = None,
    camera: CameraSource | None = None,
) -> MainWindow:
    """The window of an enrolled station.

    Raises:
        DriverError: `drivers.pad-option`.
    """
    words = Words(language)

    def equipment(work: Background, poke: Callable[[], None], window: MainWindow) -> Equipment:
        open_pad = simulated or opener(pad_kind, 1, lambda: window.writing_area)
        return Equipment(
            server=server,
            journals=station.journals,
            desk=SigningDesk(open_pad, PadPrompt(words), poke),
            evidence=StationEvidence(station, digest),
            checker=LocalChecker(verify_bytes, station.roots),
            camera=camera,
            keep_checkpoint=station.keep_checkpoint,
            page_count=lambda task, data: ShownDocument(task.media_type, data).page_count,
            runner=work,
        )

    place = Place(station.name, station.ward, station.hospital)
    simulate = simulated.write if simulated is not None else None
    return MainWindow(words, place, equipment, simulate=simulate)
