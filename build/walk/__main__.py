"""One bedside signing from the HIS's request to the verifier's verdict, with the real programs.

Started by `build/run.py` in Penward's environment.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import bedside
import proof
from consent import Document, demo_documents, foreign_document
from his import His, Refused
from hospital import Hospital, NotStarted
from steps import Steps

FORCED_HEADLESS = sys.platform.startswith("linux") and not (
    os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
)


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line of build/run.py."""
    parser = argparse.ArgumentParser(
        prog="build/run.py", description="Sign a consent at a bedside, end to end, and verify it."
    )
    parser.add_argument(
        "--headless",
        action="store_true",
        help="drive the desktop by its widgets, simulated pad (模拟)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("penward-demo"), help="output folder (penward-demo/)"
    )
    parser.add_argument("--document", type=Path, help="sign this OFD or PDF instead, at a page box")
    parser.add_argument(
        "--box",
        default="0,20,20,60,25",
        metavar="PAGE,X,Y,W,H",
        help="for --document: page from 0, and mm from the page's top left corner (0,20,20,60,25)",
    )
    parser.add_argument("--lang", choices=("zh_CN", "en"), default="zh_CN", help="language of the windows")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Walk; exit status 0 when all that was signed verifies."""
    options = parse(arguments)
    headless = options.headless or FORCED_HEADLESS
    try:
        documents = (
            demo_documents()
            if options.document is None
            else [foreign_document(options.document, options.box)]
        )
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="penward-walk-") as scratch:
        try:
            return walk(documents, Path(scratch), options.out, lang=options.lang, headless=headless)
        except (NotStarted, Refused, bedside.NotSigned) as error:
            print(error, file=sys.stderr)
            return 1


def walk(documents: list[Document], scratch: Path, out: Path, *, lang: str, headless: bool) -> int:
    """Everything in order; `scratch` holds what is thrown away, `out` what stays."""
    steps = Steps()
    out.mkdir(parents=True, exist_ok=True)
    for name in ("pages", "screens", "trust"):
        shutil.rmtree(out / name, ignore_errors=True)
        (out / name).mkdir()
    hospital = Hospital(scratch / "hospital")
    with steps("make the hospital"):
        hospital.init()
    with steps("install its anchors, marked 测试"):
        anchors = hospital.export_trust(scratch / "anchors")
        proof.install_anchors(anchors, out / "trust")
    with steps("start the server"):
        hospital.serve()
    try:
        his = His(hospital.url, hospital.his_credentials(), hospital.tls_root)
        with steps("enrol the station"):
            station = bedside.enrol(hospital, scratch / "station", documents[0].ward)
        for document in documents:
            with steps(f"HIS posts the {document.kind} task"):
                document.task_id = his.create_task(document.task, document.data)["id"]
        with steps("sign at the bedside"):
            bedside.sign(hospital, station, documents, out / "screens", steps, lang=lang, headless=headless)
        for document in documents:
            with steps(f"HIS fetches the signed {document.kind}"):
                document.signed = his.signed(document.task_id)
            with steps(f"HIS fetches the {document.kind}'s evidence"):
                document.evidence = his.evidence(document.task_id)
        his.close()
    finally:
        with steps("stop the server"):
            hospital.stop()
    for document in documents:
        (out / document.file_name).write_bytes(document.data)
        (out / document.signed_name).write_bytes(document.signed)
        (out / document.evidence_name).write_bytes(document.evidence)
    result = proof.prove(documents, out, steps)
    (out / "timing.json").write_text(json.dumps(steps.milliseconds, ensure_ascii=False, indent=2) + "\n")
    result.print_table(out)
    return 0 if result.good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
