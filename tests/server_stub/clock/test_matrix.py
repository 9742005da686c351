"""R83, R85: injected delay, asymmetry, loss and a liar: the true error beside the claimed bound."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.bench.clock import LIE, draw_matrix, measure, show


@pytest.mark.parametrize(("delay_ms", "asymmetry_ms"), [(0.2, 0.0), (1.0, 5.0), (5.0, 1.0)])
def test_the_bound_covers_the_error(delay_ms: float, asymmetry_ms: float) -> None:
    """Three cells of the matrix, a few rounds each; `tests/bench/clock.py` runs all of them."""
    cell = measure(delay_ms / 1000, asymmetry_ms / 1000, 8)
    assert cell.looks > 0
    assert cell.covered == cell.looks
    assert cell.bound >= cell.error
    assert cell.error < LIE / 4  # the liar moved nothing
    assert cell.bound >= asymmetry_ms / 1000 / 2  # what cannot be measured is in the bound
    assert f"{delay_ms:.1f}" in show([cell])
    assert ET.fromstring(draw_matrix([cell])).tag.endswith("svg")  # noqa: S314 our own
