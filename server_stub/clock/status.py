"""What is told of the clock: the content of `GET /api/v1/clock` and of `clock status`."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

from server_stub.clock.keeper import Standing
from signing.verdict import say
from signing.verdict.messages import Language

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def status_dict(
    standing: Standing,
    *,
    configured: bool,
    oscillator: str,
    sources: Sequence[Mapping[str, object]],
    serving: bool,
) -> dict[str, object]:
    """JSON content: times in seconds, `rate_ppm` in millionths, None for what is not known."""
    reading = standing.reading
    moment = _EPOCH + dt.timedelta(microseconds=reading.utc_ns // 1000)
    known = reading.bound is not None
    terms = standing.terms
    return {
        "state": str(reading.state),
        "time": moment.isoformat().replace("+00:00", "Z"),
        "bound_s": _round(reading.bound),
        "system_offset_s": _round(standing.system_offset),
        "age_s": _round(standing.age, 3) if known else None,
        "rate_ppm": _round(standing.rate * 1e6, 6) if known else None,
        "rate_sigma_ppm": _round(standing.rate_sigma * 1e6, 6) if known else None,
        "terms_s": {
            "residual": _round(standing.residual),
            "phase_sigma": _round(terms.phase),
            "frequency_sigma": _round(terms.frequency),
            "ageing_sigma": _round(terms.ageing),
            "temperature_sigma": _round(terms.temperature),
            "noise_sigma": _round(terms.noise),
        }
        if known
        else None,
        "stratum": standing.stratum,
        "survivors": list(standing.survivors),
        "falsetickers": list(standing.falsetickers),
        "configured": configured,
        "oscillator": oscillator,
        "oscillator_kept": standing.oscillator,
        "serving": serving,
        "sources": [dict(source) for source in sources],
    }


def status_words(status: Mapping[str, Any], language: Language) -> list[str]:
    """The same in sentences, one a line."""
    if not status["configured"]:
        return [say("clock.told-system", language)]
    if status["bound_s"] is None:
        lines = [say("clock.told-freerun", language)]
    else:
        code = "clock.told-locked" if status["state"] == "LOCKED" else "clock.told-holdover"
        lines = [
            say(
                code,
                language,
                bound=milliseconds(status["bound_s"]),
                offset=milliseconds(status["system_offset_s"]),
                age=f"{status['age_s']:.0f}",
                rate=f"{status['rate_ppm']:+.4f}",
            )
        ]
    for source in status["sources"]:
        name = source["name"]
        if source["problem"]:
            lines.append(say("clock.told-source-bad", language, name=name, problem=source["problem"]))
        elif name in status["falsetickers"]:
            lines.append(say("clock.told-source-false", language, name=name))
        elif source.get("delay_s") is not None:
            params = {"name": name, "stratum": source["stratum"], "delay": milliseconds(source["delay_s"])}
            lines.append(say("clock.told-source", language, **params))
        else:
            lines.append(say("clock.told-board", language, name=name, kind=source["kind"]))
    return lines


def milliseconds(seconds: float | None) -> str:
    """`1.234` for 0.001234 s, and a dash for nothing."""
    return "–" if seconds is None else f"{seconds * 1000:.3f}"


def _round(value: float | None, digits: int = 9) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)
