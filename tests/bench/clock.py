"""Measures the clock: `python tests/bench/clock.py [--rounds N] [--runs N] [--svg FOLDER]`.

First a matrix over loopback, real packets against servers of the tests: injected delay × asymmetry, 10 %
of the packets lost, one of four servers lying; in each cell the largest true error beside the bound that
was claimed at that moment. Then the simulator: every class, N oscillators, 24 h with sources and 72 h
without, in a quiet, a noisy and a changing network.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from server_stub.clock import ClockPlan, ClockService
from server_stub.clock.base import MachineBase
from server_stub.clock.oscillator import CLASSES
from server_stub.clock.plot import draw_bars
from server_stub.clock.report import draw_runs, summarise, table
from server_stub.clock.simulator import Network, simulate
from tests.server_stub.clock.reference import Behaviour, ReferenceServer

DELAYS_MS = (0.2, 1.0, 5.0)
ASYMMETRIES_MS = (0.0, 1.0, 5.0)
LOSS = 0.1
LIE = 0.25
SERVERS = 4
LOOKS = 5
LOOK_NS = 100_000
TRUTH = 1_795_305_600_000_000_000

NETWORKS = {
    "quiet: 0.3 ms there and back, queues of 0.2 ms": Network(),
    "noisy: 0.3 ms there and back, queues of 1 ms": Network(jitter=1e-3),
    "lopsided by 1 ms, 10 % lost, one of four lies": Network(lopsided=1e-3, loss=0.1, lie=0.25),
    "another route 6 h before the sources go, lopsided by 1 ms": Network(lopsided=1e-3, lopsided_from=18.0),
    "another route 6 h before the sources go, lopsided by 0.2 ms": Network(lopsided=2e-4, lopsided_from=18.0),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the matrix; times in seconds. `error` and `bound` are those of the worst moment's."""

    delay: float
    asymmetry: float
    error: float
    bound: float
    largest_bound: float
    looks: int
    covered: int
    caught: int
    rounds: int


def main() -> int:
    """Run both parts; status 1 when a bound did not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60, help="rounds in each cell (60)")
    parser.add_argument(
        "--runs", type=int, default=20, help="oscillators of each class and network (20; 0: none)"
    )
    parser.add_argument("--svg", type=Path, help="a folder for the plots")
    options = parser.parse_args()
    logging.getLogger("penward").setLevel(logging.ERROR)
    cells = matrix(options.rounds)
    print(show(cells))
    good = all(cell.covered == cell.looks for cell in cells)
    if options.svg:
        options.svg.mkdir(parents=True, exist_ok=True)
        (options.svg / "matrix.svg").write_text(draw_matrix(cells), encoding="utf-8")
    for name, network in NETWORKS.items() if options.runs else ():
        begin = time.perf_counter()
        runs = [simulate(n, seed=s, network=network) for n in CLASSES for s in range(1, options.runs + 1)]
        lines = summarise(runs)
        each = (time.perf_counter() - begin) / len(runs)
        print(f"\n{name} ({each:.2f} s for each 96 h; milliseconds)\n{table(lines)}")
        good = good and all(line.coverage >= 0.997 for line in lines)
        if options.svg and network == Network():
            drawn = draw_runs([run for run in runs if run.seed == 1])
            (options.svg / "holdover.svg").write_text(drawn, encoding="utf-8")
    return 0 if good else 1


def matrix(rounds: int) -> list[Cell]:
    """All cells, one after the other."""
    return [
        measure(delay / 1000, asymmetry / 1000, rounds) for delay in DELAYS_MS for asymmetry in ASYMMETRIES_MS
    ]


def measure(delay: float, asymmetry: float, rounds: int) -> Cell:
    """One cell: a clock steered by three true servers and a liar, looked at between its rounds.

    The servers tell the machine's own counter plus a constant, so that the true time is known exactly.
    """
    base = MachineBase()
    begin = base.read()
    worst, worst_bound, largest = -1.0, 0.0, 0.0
    looks = covered = caught = 0
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(SERVERS))
        servers = [
            stack.enter_context(
                ReferenceServer(
                    Behaviour(delay, asymmetry, LOSS, lie=LIE if number == 0 else 0.0, seed=number),
                    time_ns=lambda: TRUTH + base.read() - begin,
                )
            )
            for number in range(SERVERS)
        ]
        service = ClockService(ClockPlan(tuple(server.address for server in servers)), base=base, timeout=0.1)
        for _ in range(rounds):
            service.round(pool.map)
            caught += servers[0].address in service.keeper.standing().falsetickers
            for _ in range(LOOKS):
                time.sleep(0.002)
                before = base.read()
                reading = service.keeper.read()
                if reading.bound is None:
                    continue
                after = base.read()
                if after - before > LOOK_NS:  # this thread was interrupted: nobody knows when it read
                    continue
                true = TRUTH + (before + after) // 2 - begin
                error = abs(reading.utc_ns - true) / 1e9
                looks += 1
                covered += error <= reading.bound
                largest = max(largest, reading.bound)
                if error > worst:
                    worst, worst_bound = error, reading.bound
    return Cell(delay, asymmetry, worst, worst_bound, largest, looks, covered, caught, rounds)


def show(cells: list[Cell]) -> str:
    """A table in milliseconds."""
    lines = [
        f"{'delay':>7}{'asymmetry':>11}{'largest error':>15}{'its bound':>11}{'largest bound':>15}"
        f"{'covered':>10}{'liar caught':>13}   milliseconds; {LOSS:.0%} lost, 1 of {SERVERS} lies"
    ]
    lines += [
        f"{c.delay * 1000:>7.1f}{c.asymmetry * 1000:>11.1f}{c.error * 1000:>15.3f}{c.bound * 1000:>11.3f}"
        f"{c.largest_bound * 1000:>15.3f}{c.covered / max(c.looks, 1):>10.2%}{c.caught:>8} of {c.rounds}"
        for c in cells
    ]
    return "\n".join(lines)


def draw_matrix(cells: list[Cell]) -> str:
    """True error inside claimed bound, cell by cell."""
    rows = [
        (f"{c.delay * 1000:g} + {c.asymmetry * 1000:g} ms", c.error * 1000, c.bound * 1000) for c in cells
    ]
    return draw_bars("largest true error inside its claimed bound, by delay + asymmetry", rows, "ms")


if __name__ == "__main__":
    sys.exit(main())
