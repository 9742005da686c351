"""Who is right: the interval that a majority of sources share (Marzullo; RFC 5905 §11.2.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """One source's offset from the local clock, one sigma of it, half its interval; in seconds."""

    source: str
    offset: float
    noise: float
    distance: float


@dataclass(frozen=True, slots=True)
class Selection:
    """What the majority says. As long as a majority is right, the truth is within `half_width` of `offset`.

    `offset` is None when no majority shares a point; `falsetickers` are then all of them.
    """

    offset: float | None
    noise: float
    half_width: float
    survivors: tuple[str, ...]
    falsetickers: tuple[str, ...]


def select(candidates: Sequence[Candidate]) -> Selection:
    """The largest agreeing majority. One source alone is believed; of two, both must agree.

    The best estimate lies where most intervals overlap. A liar whose interval touches the others can narrow
    that place until the truth is outside, so the half-width reaches to every point that any majority shares.
    """
    names = tuple(candidate.source for candidate in candidates)
    best = _shared(candidates, None)
    outer = _shared(candidates, len(candidates) // 2 + 1)
    if best is None or outer is None:
        return Selection(None, math.inf, math.inf, (), names)
    low, high = best
    good = [c for c in candidates if c.offset - c.distance <= high and c.offset + c.distance >= low]
    weights = [1 / (c.noise**2 + c.distance**2) for c in good]
    mean = sum(weight * c.offset for weight, c in zip(weights, good, strict=True)) / sum(weights)
    offset = min(max(mean, low), high)
    return Selection(
        offset=offset,
        noise=math.sqrt(sum((weight * c.noise) ** 2 for weight, c in zip(weights, good, strict=True)))
        / sum(weights),
        half_width=max(offset - outer[0], outer[1] - offset),
        survivors=tuple(c.source for c in good),
        falsetickers=tuple(name for name in names if name not in {c.source for c in good}),
    )


def _shared(candidates: Sequence[Candidate], depth: int | None) -> tuple[float, float] | None:
    """From the first to the last point that `depth` intervals share (None: as many as any point is in)."""
    edges = sorted(
        [(c.offset - c.distance, 0) for c in candidates] + [(c.offset + c.distance, 1) for c in candidates]
    )
    levels, level = [], 0
    for _, closing in edges:
        levels.append(level if closing else level + 1)  # how many intervals the edge itself is in
        level += -1 if closing else 1
    wanted = max(levels, default=0) if depth is None else depth
    inside = [value for (value, _), found in zip(edges, levels, strict=True) if found >= wanted]
    return (inside[0], inside[-1]) if inside else None
