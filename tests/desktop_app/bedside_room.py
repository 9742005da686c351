"""A bedside without a window for tests: flow, fake server, simulated pad, jobs done at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from desktop_app.bedside.checking import LocalChecker
from desktop_app.bedside.evidence import StationEvidence
from desktop_app.bedside.flow import Flow
from desktop_app.bedside.jobs import Equipment
from desktop_app.bedside.model import Signing
from desktop_app.bedside.signing_desk import SigningDesk
from desktop_app.bedside.steps import Step
from desktop_app.devices.openers import SimulatedPads
from desktop_app.documents import ShownDocument, digest
from desktop_app.station import Station
from drivers.camera import CameraSource
from drivers.sim.strokes import signature
from drivers.sim.stu540 import SimulatedStu540
from signing.verdict import PenwardError
from signing.verify import verify_bytes
from tests.desktop_app.fake_server import FakeServer

T = TypeVar("T")


class AtOnce:
    """`Runner` that does the job where it is asked for."""

    def run(
        self, job: Callable[[], T], done: Callable[[T], None], failed: Callable[[PenwardError], None]
    ) -> None:
        """See `Runner`."""
        try:
            result = job()
        except PenwardError as error:
            failed(error)
        else:
            done(result)


class Room:
    """`View` that remembers. Attributes: `steps`, `notices` (codes), `flow`, `sim`."""

    def __init__(
        self,
        server: FakeServer,
        station: Station,
        *,
        sim: SimulatedStu540 | None = None,
        camera: CameraSource | None = None,
    ) -> None:
        self.sim = sim or SimulatedStu540(realtime=False)
        self.server, self.station = server, station
        self.steps: list[Step] = []
        self.notices: list[str] = []
        equipment = Equipment(
            server=server,
            journals=station.journals,
            desk=SigningDesk(SimulatedPads(sim=self.sim), _blank, lambda: None),
            evidence=StationEvidence(station, digest),
            checker=LocalChecker(verify_bytes, station.roots),
            camera=camera,
            keep_checkpoint=station.keep_checkpoint,
            page_count=lambda task, data: ShownDocument(task.media_type, data).page_count,
            runner=AtOnce(),
        )
        self.flow = Flow(equipment, self)
        self.flow.start()

    def show_step(self, step: Step) -> None:
        """See `View`."""
        if not self.steps or self.steps[-1] is not step:
            self.steps.append(step)

    def show_notice(self, error: PenwardError) -> None:
        """See `View`."""
        assert error.message("zh_CN")
        self.notices.append(error.code)

    def ink_changed(self, begun: bool) -> None:
        """See `View`."""

    def to_signing(self) -> None:
        """From the list to the signer's canvas."""
        self.flow.choose("task-1")
        self.flow.hand_over()
        self.flow.take_over()
        self.read()
        self.flow.finish_reading()

    def read(self) -> None:
        """Look at every page to its end."""
        signing = self.flow.signing
        assert signing is not None
        pages = frozenset(range(signing.reading.pages))
        signing.reading.view(pages)
        signing.reading.reach_end(pages)

    def write(self, seed: int = 1) -> None:
        """Let the simulated hand write, and fetch it all."""
        self.sim.write(signature(seed))
        self.settle(lambda: self.sim.idle)

    def settle(self, until: Callable[[], bool]) -> None:
        """Pump until `until`, then until the journal has caught up."""
        signing = self.flow.signing
        deadline = time.monotonic() + 20
        quiet = 0
        while quiet < 3:
            assert time.monotonic() < deadline, "did not settle"
            time.sleep(0.01)
            self.flow.pump()
            journal = signing.journal if signing else None
            quiet = quiet + 1 if until() and (journal is None or journal.synced or journal.failure) else 0


def _blank(signing: Signing, width: int, height: int) -> bytes:
    return bytes(width * height * 3)
