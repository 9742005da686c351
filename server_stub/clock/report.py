"""The simulation's report in words and numbers: error reached, bound claimed, and who keeps a millisecond."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from server_stub.clock.plot import Panel, Series, draw_panels
from server_stub.clock.simulator import Run
from signing.verdict import say
from signing.verdict.messages import Language

MILLISECOND = 1e-3
COVERAGE = 0.997


@dataclass(frozen=True, slots=True)
class Line:
    """One class over all its runs; times in seconds. A promise is kept when every run keeps it."""

    oscillator: str
    runs: int
    hours: float
    error_at_loss: float
    bound_at_loss: float
    median_error: float
    largest_error: float
    largest_bound: float
    coverage: float

    @property
    def error_below(self) -> bool:
        """Whether the true error stayed below 1 ms in every run."""
        return self.largest_error < MILLISECOND

    @property
    def bound_below(self) -> bool:
        """Whether the claimed bound did: only then may a server promise it."""
        return self.largest_bound < MILLISECOND


def summarise(runs: Sequence[Run]) -> list[Line]:
    """One line a class, in the order of the runs."""
    lines = []
    for name in dict.fromkeys(run.oscillator for run in runs):
        own = [run for run in runs if run.oscillator == name]
        errors = sorted(run.largest_error for run in own)
        counts = [run.covered() for run in own]
        lines.append(
            Line(
                oscillator=name,
                runs=len(own),
                hours=own[0].points[-1].hours if own[0].points else 0.0,
                error_at_loss=max(run.error_at_loss for run in own),
                bound_at_loss=max(run.bound_at_loss for run in own),
                median_error=errors[len(errors) // 2],
                largest_error=errors[-1],
                largest_bound=max(run.largest_bound for run in own),
                coverage=sum(good for good, _ in counts) / max(sum(all_ for _, all_ in counts), 1),
            )
        )
    return lines


def table(lines: Sequence[Line]) -> str:
    """A table for a terminal; milliseconds."""
    head = (
        f"{'class':<6}{'runs':>5}{'at loss':>10}{'claimed':>10}{'median':>11}{'largest':>11}{'claimed':>11}"
        f"{'covered':>10}  {'error<1ms':<10}{'bound<1ms':<10}"
    )
    rows = [
        f"{line.oscillator:<6}{line.runs:>5}{_ms(line.error_at_loss):>10}{_ms(line.bound_at_loss):>10}"
        f"{_ms(line.median_error):>11}{_ms(line.largest_error):>11}{_ms(line.largest_bound):>11}"
        f"{line.coverage:>10.3%}  {_yes(line.error_below):<10}{_yes(line.bound_below):<10}"
        for line in lines
    ]
    return "\n".join([head, *rows])


def verdicts(lines: Sequence[Line], language: Language) -> list[str]:
    """One sentence a class."""
    found = []
    for line in lines:
        code = "clock.told-meets" if line.bound_below else "clock.told-misses"
        found.append(
            say(
                code,
                language,
                name=line.oscillator,
                hours=f"{line.hours:.0f}",
                error=_ms(line.largest_error),
                bound=_ms(line.largest_bound),
                coverage=f"{line.coverage:.2%}",
            )
        )
    return found


def draw_runs(runs: Sequence[Run]) -> str:
    """One panel a run: true error and claimed bound in milliseconds over the hours."""
    panels = []
    for run in runs:
        xs = [point.hours for point in run.points]
        bounds = [None if p.bound is None or p.hours < -20 else p.bound * 1000 for p in run.points]
        panels.append(
            Panel(
                f"{run.oscillator}, seed {run.seed}: true error and claimed bound",
                (
                    Series("error", [(p.hours, p.error * 1000) for p in run.points]),
                    Series("+bound", list(zip(xs, bounds, strict=True))),
                    Series(
                        "−bound", [(x, None if y is None else -y) for x, y in zip(xs, bounds, strict=True)]
                    ),
                ),
                "h",
                "ms",
            )
        )
    return draw_panels(panels)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3f}" if math.isfinite(seconds) else "∞"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
