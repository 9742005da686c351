"""`penward-desktop`: enrol this station, or open the bedside window."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
from pathlib import Path

from desktop_app.errors import DesktopError
from desktop_app.station import Station, new_key, store_enrolment
from signing.verdict import Language, PenwardError, say


def main(arguments: list[str] | None = None) -> int:
    """Run; the exit status is 0, or 1 with one sentence on the standard error."""
    options = parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    language: Language = options.lang
    try:
        if options.enrol:
            return _enrol(options, language)
        return _open(options, language)
    except PenwardError as error:
        print(error.message(language), file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="penward-desktop",
        description="床旁签：在床旁阅读、签署并核对文书。 Bedside signing: read, sign and check documents.",
    )
    made.add_argument(
        "--data", type=Path, default=default_folder(), metavar="DIR", help="the station's data folder"
    )
    made.add_argument("--lang", choices=["zh_CN", "en"], default="zh_CN", help="language (default: zh_CN)")
    made.add_argument("--server", metavar="URL", help="use this server address instead of the enrolled one")
    made.add_argument(
        "--pad",
        choices=["stu", "screen", "sim"],
        default="stu",
        help="Wacom STU pad, the screen itself, or a simulated pad (模拟)",
    )
    made.add_argument("--pad-sim-seed", type=int, default=1, metavar="N", help="which signature it writes")
    made.add_argument(
        "--camera", metavar="INDEX|file:PATH", help="camera number, or a picture file (模拟) instead"
    )
    made.add_argument("--verbose", action="store_true", help="log every step to the standard error")
    enrol = made.add_argument_group("enrolment, once for each station")
    enrol.add_argument("--enrol", nargs=2, metavar=("URL", "CODE"), help="enrol by a one-time code")
    enrol.add_argument("--ward", default="", metavar="W", help="ward that this station serves")
    enrol.add_argument("--name", default=socket.gethostname(), metavar="N", help="name of this station")
    enrol.add_argument("--root", type=Path, metavar="PEM", help="the hospital's TLS root; needed over https")
    demo = made.add_argument_group("demonstration 演示, with --pad sim only")
    demo.add_argument("--drive", metavar="TASK_ID", help="walk one task through the real window")
    demo.add_argument(
        "--screens", type=Path, metavar="DIR", help="where --drive leaves a picture of each step"
    )
    return made


def default_folder() -> Path:
    """The usual place for a station's data on this system."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "Penward" / "station"
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "penward" / "station"


def _enrol(options: argparse.Namespace, language: Language) -> int:
    from desktop_app.client import check_url, enrol

    url, code = options.enrol
    url = check_url(url)
    key = new_key(options.data)
    enrolment = enrol(
        url, code, name=options.name, ward=options.ward, spki=key.public_key.spki, root=options.root
    )
    store_enrolment(options.data, enrolment, name=options.name, server_url=url)
    print(say("desktop.enrolled", language, station=enrolment.station_id, ward=enrolment.ward or "-"))
    return 0


def _open(options: argparse.Namespace, language: Language) -> int:
    if options.drive and options.pad != "sim":
        raise DesktopError("desktop.drive-needs-sim")
    station = Station(options.data)
    try:
        return _run_window(options, language, station)
    finally:
        station.close()


def _run_window(options: argparse.Namespace, language: Language, station: Station) -> int:
    from desktop_app.assembly import build_window, make_application
    from desktop_app.client import HttpServer
    from desktop_app.devices.openers import SimulatedPads
    from drivers.camera import parse_source

    camera = parse_source(options.camera) if options.camera else None
    server = HttpServer(station, url=options.server)
    app = make_application()
    pads = SimulatedPads(options.pad_sim_seed) if options.pad == "sim" else None
    window = build_window(
        station, server, language=language, pad_kind=options.pad, simulated=pads, camera=camera
    )
    window.show()
    window.begin()
    if options.drive and pads is not None:
        return _drive(window, options, pads)
    return int(app.exec())


def _drive(window: object, options: argparse.Namespace, pads: object) -> int:
    import json

    from desktop_app.devices.openers import SimulatedPads
    from desktop_app.drive import drive
    from desktop_app.window import MainWindow

    assert isinstance(window, MainWindow)  # noqa: S101
    assert isinstance(pads, SimulatedPads)  # noqa: S101
    try:
        result = drive(window, options.drive, options.screens, pads)
    finally:
        window.close()
    print(json.dumps({"task": options.drive, "signed_sm3": result.signed_sm3, "ms": result.timings}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
