"""`penward-server clock status` and `clock simulate`: what they print."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from server_stub.clock.errors import ClockError
from server_stub.clock.oscillator import CLASSES
from server_stub.clock.plot import draw_history
from server_stub.clock.report import draw_runs, summarise, table, verdicts
from server_stub.clock.service import (
    HISTORY_NAME,
    STATUS_NAME,
    ClockPlan,
    ClockService,
    measure_once,
    read_history,
)
from server_stub.clock.simulator import Network, simulate
from server_stub.clock.status import milliseconds, status_words
from server_stub.config import Settings
from signing.verdict import say

CLASS_NAMES = tuple(CLASSES)
OLD_ROUNDS = 4


def status(settings: Settings, *, as_json: bool, measure: bool, svg: Path | None) -> None:
    """Print what the running server wrote last, or (`measure`) what the sources say now.

    Raises:
        ClockError: `clock.no-status`, `clock.address-wrong`, `clock.file-not-written`.
    """
    content: dict[str, Any]
    if not (settings.clock_sources or settings.clock_board):
        content = ClockService(ClockPlan()).status()
    elif measure:
        content = {"measured": measure_once(settings.clock_sources)}
    else:
        content = _written(settings)
    if svg is not None:
        _write(svg, draw_history(read_history(settings.directory / HISTORY_NAME)))
    if as_json:
        click.echo(json.dumps(content, ensure_ascii=False, indent=1))
        return
    for language in ("zh_CN", "en"):
        if "measured" in content:
            for line in content["measured"]:
                click.echo(_measured(line, language))
            continue
        if content.get("written_s_ago", 0) > OLD_ROUNDS * settings.clock_poll_seconds:
            click.echo(say("clock.told-old", language, age=f"{content['written_s_ago']:.0f}"))
        click.echo("\n".join(status_words(content, language)))


def run_simulation(
    *,
    hours: float,
    training: float,
    classes: Sequence[str],
    seed: int,
    runs: int,
    jitter_ms: float,
    as_json: bool,
    svg: Path | None,
) -> None:
    """Simulate each class with `runs` seeds from `seed` on; print the table and who keeps a millisecond.

    Raises:
        ClockError: `clock.file-not-written`.
    """
    network = Network(jitter=jitter_ms / 1000)
    made = [
        simulate(name, hours=hours, training=training, seed=number, network=network)
        for name in classes or CLASS_NAMES
        for number in range(seed, seed + runs)
    ]
    lines = summarise(made)
    if as_json:
        click.echo(json.dumps([_rounded(asdict(line)) for line in lines], indent=1))
    else:
        click.echo(f"模拟 simulated: {training:g} h with 4 sources, {hours:g} h without; milliseconds")
        click.echo(table(lines))
        for language in ("zh_CN", "en"):
            click.echo("\n".join(verdicts(lines, language)))
    if svg is not None:
        _write(svg, draw_runs([run for run in made if run.seed == seed]))


def _written(settings: Settings) -> dict[str, Any]:
    path = settings.directory / STATUS_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        age = dt.datetime.now(dt.UTC).timestamp() - path.stat().st_mtime
        return {**content, "written_s_ago": round(max(age, 0.0), 1)}
    except (OSError, ValueError, TypeError) as error:
        raise ClockError("clock.no-status", folder=str(settings.directory)) from error


def _measured(line: dict[str, Any], language: Any) -> str:
    if line["problem"]:
        return say("clock.told-source-bad", language, name=line["name"], problem=line["problem"])
    return say(
        "clock.told-measured",
        language,
        name=line["name"],
        offset=milliseconds(line["system_offset_s"]),
        distance=milliseconds(line["distance_s"]),
        stratum=line["stratum"],
    )


def _rounded(line: dict[str, Any]) -> dict[str, Any]:
    """JSON knows no infinity: a bound that was not claimed throughout is null."""
    return {
        key: (round(value, 9) if math.isfinite(value) else None) if isinstance(value, float) else value
        for key, value in line.items()
    }


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ClockError("clock.file-not-written", file=str(path)) from error
