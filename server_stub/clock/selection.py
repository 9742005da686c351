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
    """The largest agreeing majority. One source alone is believed; of two, both must agree."""
    names = tuple(candidate.source for candidate in candidates)
    edges = sorted(
        [(c.offset - c.distance, 0) for c in candidates] + [(c.offset + c.distance, 1) for c in candidates]
    )
    most = depth = 0
    low = high = 0.0
    for position, (value, closing) in enumerate(edges):
        if closing:
            depth -= 1
            continue
        depth += 1
        if depth > most:
            most, low = depth, value
        if depth == most:  # of several stretches as deep as each other the last one's end counts
            high = edges[position + 1][0]
    if most * 2 <= len(candidates):
        return Selection(None, math.inf, math.inf, (), names)
    good = [c for c in candidates if c.offset - c.distance <= high and c.offset + c.distance >= low]
    weights = [1 / (c.noise**2 + c.distance**2) for c in good]
    mean = sum(weight * c.offset for weight, c in zip(weights, good, strict=True)) / sum(weights)
    offset = min(max(mean, low), high)
    return Selection(
        offset=offset,
        noise=math.sqrt(sum((weight * c.noise) ** 2 for weight, c in zip(weights, good, strict=True)))
        / sum(weights),
        half_width=max(offset - low, high - offset),
        survivors=tuple(c.source for c in good),
        falsetickers=tuple(name for name in names if name not in {c.source for c in good}),
    )
