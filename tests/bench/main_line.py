"""Measures the main line: `python tests/bench/main_line.py [--signings N] [--reports N]`.

Prints, in one run: opening and drawing documents; evidence upload until the signed document is back,
over HTTP on this machine, with the share of it spent in SM2; a pen report until its ink is painted,
offscreen, at 200 and 500 reports a second, with the count of lost samples.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from desktop_app.qt import QApplication
    from drivers.sim.strokes import PenPoint
    from tests.support.station import Answer, HisClient, StationClient

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

DPI = 150
LOOP = 2_000_000
WARM_UP = 3
STROKE_SECONDS = 1.2
PAUSE_SECONDS = 0.3


def main() -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signings", type=int, default=40, help="signed documents of each format (40)")
    parser.add_argument("--reports", type=int, default=4000, help="pen reports at each rate (4000)")
    options = parser.parse_args()
    from desktop_app.assembly import make_application

    app = make_application()  # before anything draws: there can be one Qt application only
    yardstick()
    documents()
    with tempfile.TemporaryDirectory() as scratch:
        from server_stub.app import demo_loaders
        from server_stub.setup import Plan, make_hospital

        folder = Path(scratch) / "hospital"
        make_hospital(Plan(folder, "测试医院", True, None), demo_loaders=demo_loaders())
        for media in ("ofd", "pdf"):
            signings(media, options.signings, folder)
    for rate in (200, 500):
        pen(app, rate, options.reports)
    return 0


def yardstick() -> None:
    """How fast this machine is at plain Python, so that figures of two machines can be compared."""
    begin = time.perf_counter()
    total = 0
    for i in range(LOOP):
        total += i * i
    print(f"{'yardstick: 2,000,000 s+=i*i':<58}{(time.perf_counter() - begin) * 1000:9.1f} ms")


def documents() -> None:
    """Opening and drawing the demo consents."""
    from signing.ofd.model import load_document
    from signing.ofd.package import open_package
    from signing.ofd.painters.qt import render_page
    from signing.pdf import open_pdf
    from signing.pdf import render_page as render_pdf

    demo = resources.files("resources") / "demo"
    ofd, pdf = (demo / "consent.ofd").read_bytes(), (demo / "consent.pdf").read_bytes()
    row("OFD open", measured(lambda: load_document(open_package(ofd)), 30))
    document = load_document(open_package(ofd))
    first = measured(lambda: render_page(load_document(open_package(ofd)), 0, DPI), 5)
    row(f"OFD open and first page, {DPI} dpi", first)
    row(f"OFD page again, {DPI} dpi", measured(lambda: render_page(document, 0, DPI), 30))

    def open_close() -> None:
        with open_pdf(pdf):
            pass

    row("PDF open", measured(open_close, 30))
    with open_pdf(pdf) as opened:
        row(f"PDF page, {DPI} dpi", measured(lambda: render_pdf(opened, 0, DPI), 30))


def signings(media: str, count: int, folder: Path) -> None:
    """Evidence upload until the signed document is back: over HTTP from `penward-server`, in a process of
    its own; then in this process, with the time in SM2 measured."""
    from tests.support.server import his_of, running
    from tests.support.station import StationClient, utc_now

    with served(folder) as (http, code):
        station = StationClient.enrol(http, code)
        times = [t for t, _ in rounds(media, count, his_of(folder, http, utc_now), station)]
    row(f"{media.upper()}: evidence up, signed document back, n={count}", times)
    with running(folder) as server:
        both = rounds(media, count, server.his, server.station())
    total, in_sm2 = (sum(values) for values in zip(*both, strict=True))
    print(f"{'    of it in SM2 operations of the server':<58}{in_sm2 / count:9.2f} ms  {in_sm2 / total:6.1%}")


def rounds(media: str, count: int, his: HisClient, station: StationClient) -> list[tuple[float, float]]:
    """Milliseconds of each signing and of the SM2 operations in this process meanwhile."""
    from signing.wire import OFD_MEDIA_TYPE, PDF_MEDIA_TYPE
    from tests.support.station import task_request

    data = (resources.files("resources") / "demo" / f"consent.{media}").read_bytes()
    kind = OFD_MEDIA_TYPE if media == "ofd" else PDF_MEDIA_TYPE
    found = []
    for seed in range(count + WARM_UP):
        task = station.task(his.create(task_request(data, kind))["id"])
        challenge = station.challenge(task.id)
        sealed = station.sealed(station.package(task, challenge, seed=seed), challenge)
        with sm2_time() as spent:
            begin = time.perf_counter()
            answer = station.upload(task.id, sealed)
            if answer.status_code != 200:
                raise SystemExit(f"upload refused: {answer.content!r}")
            station.signed(task.id)
            found.append(((time.perf_counter() - begin) * 1000, sum(spent) * 1000))
    return found[WARM_UP:]


@dataclass
class Http:
    """Requests to the measured server."""

    base: str
    session: requests.Session

    def request(self, method: str, url: str, *, headers: Mapping[str, str], content: bytes) -> Answer:
        """One request over a kept connection."""
        return self.session.request(method, self.base + url, headers=dict(headers), data=content, timeout=60)


@contextmanager
def served(folder: Path) -> Iterator[tuple[Http, str]]:
    """`penward-server serve` over a hospital's folder, and a code to enrol a station with."""
    from tests.support.server import WARD

    program = [str(Path(sys.executable).parent / "penward-server")]
    code = subprocess.run(
        [*program, "station", "code", str(folder), "--ward", WARD], capture_output=True, text=True, check=True
    ).stdout.strip()
    with (
        requests.Session() as session,
        subprocess.Popen(
            [*program, "serve", str(folder), "--port", "0"], stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        try:
            session.trust_env = False
            announced = re.search(r"http://[^\s，。]+", process.stdout.readline() if process.stdout else "")
            if announced is None:
                raise SystemExit("the server did not start")
            http = Http(announced[0], session)
            for _ in range(200):
                try:
                    session.get(f"{http.base}/health", timeout=5)
                    break
                except requests.ConnectionError:
                    time.sleep(0.05)
            yield http, code
        finally:
            process.terminate()


@contextmanager
def sm2_time() -> Iterator[list[float]]:
    """Collects the seconds spent in SM2 key operations of all threads while the block runs."""
    from signing.sm import SM2PrivateKey, SM2PublicKey

    spent: list[float] = []
    lock = threading.Lock()
    names = (
        (SM2PrivateKey, ("generate", "sign", "sign_digest", "decrypt")),
        (SM2PublicKey, ("verify", "verify_digest", "encrypt")),
    )
    inside = threading.local()
    kept: list[tuple[type, str, object]] = []

    def timed(function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            if getattr(inside, "yes", False):
                return function(*args, **kwargs)
            inside.yes = True
            begin = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                inside.yes = False
                with lock:
                    spent.append(time.perf_counter() - begin)

        return call

    for kind, methods in names:
        for name in methods:
            original = kind.__dict__[name]
            kept.append((kind, name, original))
            if isinstance(original, classmethod):
                setattr(kind, name, classmethod(timed(original.__func__)))
            else:
                setattr(kind, name, timed(original))
    try:
        yield spent
    finally:
        for kind, name, original in kept:
            setattr(kind, name, original)


def pen(app: QApplication, rate: int, reports: int) -> None:
    """Pen reports of the simulated STU-540 until their ink is on the canvas, journal and all."""
    from desktop_app.bedside.capture import Capture
    from desktop_app.ink.canvas import InkCanvas
    from desktop_app.offline.journal import JournalFolder
    from desktop_app.qt import Qt
    from desktop_app.window import Doorbell
    from drivers.pads.stu import StuPad
    from drivers.pads.stu.device import host_time_us
    from drivers.sim.stu540 import SimulatedStu540
    from drivers.transport.loopback import Loopback

    sim = SimulatedStu540(tick_us=1_000_000 // rate)
    pad = StuPad(Loopback(sim), serial="SIMULATED-540", simulated=True)
    canvas = InkCanvas("")
    canvas.resize(900, 540)
    canvas.set_device(pad.device)
    canvas.show()
    app.processEvents()
    latencies: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        journal = JournalFolder(Path(folder), os.urandom(16)).begin(None)
        capture = Capture(journal)
        bell = Doorbell()

        def pump() -> None:
            samples, _events = pad.drain()
            if samples:
                capture.add(pad.device, samples)
                canvas.show_ink(capture.device, capture.samples)

        def painted(times: Sequence[int]) -> None:
            now = host_time_us()
            latencies.extend((now - stamp) / 1000 for stamp in times)

        bell.rung.connect(pump, Qt.ConnectionType.QueuedConnection)
        canvas.painted = painted
        pad.start(bell.ring)
        points = strokes(rate, reports)
        begin = time.perf_counter()
        sim.write(points)
        deadline = begin + points[-1].time_us / 1e6 + 10
        while not (sim.idle and len(capture.samples) >= len(points)) and time.perf_counter() < deadline:
            app.processEvents()
            time.sleep(0.0002)
        app.processEvents()
        elapsed = time.perf_counter() - begin
        pad.close()
        journal.close()
    canvas.close()
    lost = len(points) - len(capture.samples)
    row(f"pen report to painted ink, {rate}/s, n={len(latencies)}", latencies)
    print(f"{'    samples lost':<58}{lost:9d}     ({len(points) / elapsed:.0f} reports/s delivered)")


def strokes(rate: int, reports: int) -> list[PenPoint]:
    """Loops with pen lifts between them, `reports` points at exactly `rate`."""
    import math

    from drivers.sim.strokes import PenPoint

    period = STROKE_SECONDS + PAUSE_SECONDS
    points = []
    for i in range(reports):
        seconds = i / rate
        inside = seconds % period
        angle = inside * 9
        down = i == 0 or inside < STROKE_SECONDS
        x = 5400 + 3600 * math.sin(angle) * math.cos(seconds / 7)
        y = 3240 + 2200 * math.sin(angle * 1.3 + seconds / 5)
        points.append(PenPoint(round(seconds * 1e6), round(x), round(y), 500 if down else 0, True))
    return points


def measured(action: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each of `times` runs, after one that does not count."""
    action()
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        action()
        found.append((time.perf_counter() - begin) * 1000)
    return found


def row(name: str, values: Sequence[float]) -> None:
    """Median, p95 and worst of milliseconds."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.95))]
    median = statistics.median(ordered)
    print(f"{name:<58}{median:9.2f} ms  p95 {p95:9.2f} ms  worst {ordered[-1]:9.2f} ms", flush=True)


if __name__ == "__main__":
    sys.exit(main())
