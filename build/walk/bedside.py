"""The bedside of the walk: the real desktop program, driven by its widgets or by a person."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from consent import DEMO, Document
from hospital import Hospital, program, run
from steps import Steps

SIGN_SECONDS = 180.0
HANDS = (142, 409)
"""Seeds with which the simulated hand writes the invented patient's name, 王小明."""


class NotSigned(Exception):
    """The desktop ended without a signed document; the text is what it said."""


def enrol(hospital: Hospital, folder: Path, ward: str) -> Path:
    """Enrol a station of `ward`; gives its data folder."""
    code = hospital.enrolment_code(ward)
    command = [*program("penward-desktop"), "--data", str(folder), "--enrol", hospital.url, code]
    run([*command, "--ward", ward, "--name", "walk", "--root", str(hospital.tls_root)])
    return folder


def sign(
    hospital: Hospital,
    station: Path,
    documents: list[Document],
    screens: Path,
    steps: Steps,
    *,
    lang: str,
    headless: bool,
) -> None:
    """Sign every document, by the program itself (headless) or by whoever sits in front of it.

    Raises:
        NotSigned: a document was not signed.
    """
    command = [*program("penward-desktop"), "--data", str(station), "--server", hospital.url, "--lang", lang]
    command += ["--camera", f"file:{DEMO / 'portrait.png'}"]
    if not headless:
        print("The window is open: sign the tasks in the list, then close it.", flush=True)
        subprocess.run([*command, "--pad", "screen"], check=False)
        return
    for number, (document, hand) in enumerate(zip(documents, HANDS, strict=False), start=1):
        taken = screens / f".{document.kind}"
        driven = [*command, "--pad", "sim", "--pad-sim-seed", str(hand)]
        said = _drive([*driven, "--drive", document.task_id, "--screens", str(taken)])
        for picture in sorted(taken.glob("*.png")):
            picture.rename(screens / f"{number}-{document.kind}-{picture.name}")
        shutil.rmtree(taken)
        for name, milliseconds in said["ms"].items():
            steps.note(f"  {document.kind}: {name}", milliseconds)


def _drive(command: list[str]) -> dict[str, Any]:
    """Run the desktop without a screen; gives what it printed at its end."""
    variables = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SIGN_SECONDS,
            check=False,
            env=variables,
        )
    except subprocess.TimeoutExpired as error:
        raise NotSigned(f"the desktop did not end within {SIGN_SECONDS:.0f} s") from error
    if done.returncode != 0:
        raise NotSigned(f"the desktop ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))
