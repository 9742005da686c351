"""The running clock: asks the sources each round, keeps the time, serves it to other machines."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from server_stub.clock.base import Base, MachineBase, system_utc_ns
from server_stub.clock.board import SerialTransport, TimeBoard
from server_stub.clock.client import SntpSource, parse_address
from server_stub.clock.discipline import ClockState, Discipline
from server_stub.clock.errors import ClockError
from server_stub.clock.keeper import RING, ClockKeeper, HistoryPoint
from server_stub.clock.measurement import Measurement
from server_stub.clock.oscillator import CLASSES
from server_stub.clock.plot import draw_history
from server_stub.clock.sntpserver import SntpServer
from server_stub.clock.status import status_dict

log = logging.getLogger("penward.clock")

FIRST_ROUNDS = 5
FIRST_PAUSE = 2.0
STALE_ROUNDS = 4
MAX_SOURCES = 16
END_SECONDS = 5.0
STATUS_NAME = "clock-status.json"
HISTORY_NAME = "clock-history.json"


class Source(Protocol):
    """Whoever is asked each round."""

    name: str

    def poll(self) -> Measurement | None:
        """A fresh measurement, or none."""

    def describe(self) -> dict[str, object]:
        """What is told of it."""


@dataclass(frozen=True, slots=True)
class ClockPlan:
    """What a hospital has set. Without `sources` and `board` the clock is the system's, FREERUN.

    `sources` are addresses, `board` is a serial port, `listen` the address of the SNTP server (empty: none),
    `poll_seconds` the pause between rounds, `alarm_seconds` the bound from which a warning is logged.
    """

    sources: tuple[str, ...] = ()
    board: str = ""
    board_baud: int = 9600
    listen: str = ""
    oscillator: str = "pc"
    poll_seconds: float = 64.0
    alarm_seconds: float = 1.0
    first_pause: float = FIRST_PAUSE

    @property
    def configured(self) -> bool:
        """Whether there is anything to steer by."""
        return bool(self.sources or self.board)


class ClockService:
    """A `TimeSource` (`now`, `bound`). `start` begins to ask; before it, and without sources, it is FREERUN.

    `status_folder` is where status and history are written after each round, for `clock status`; `timeout` is
    how many seconds a source has to answer.

    Raises:
        ClockError: `clock.address-wrong`, `clock.too-many-sources`.
    """

    def __init__(
        self,
        plan: ClockPlan,
        *,
        base: Base | None = None,
        status_folder: Path | None = None,
        timeout: float = 1.0,
    ) -> None:
        if len(plan.sources) > MAX_SOURCES:
            raise ClockError("clock.too-many-sources", most=MAX_SOURCES)
        self.plan = plan
        self._base = base or MachineBase()
        self._folder = status_folder
        discipline = Discipline(CLASSES[plan.oscillator], stale_after=STALE_ROUNDS * plan.poll_seconds)
        self.keeper = ClockKeeper(discipline, base=self._base, alarm=plan.alarm_seconds)
        addresses = [parse_address(text) for text in plan.sources]
        self._sources: list[Source] = [
            SntpSource(address, self._base, timeout=timeout) for address in addresses
        ]
        self._listen = parse_address(plan.listen) if plan.listen else None
        self._board: TimeBoard | None = None
        self.server: SntpServer | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def configured(self) -> bool:
        """Whether there is anything to steer by."""
        return self.plan.configured

    def now(self) -> dt.datetime:
        """`TimeSource`."""
        return self.keeper.now()

    def bound(self) -> float | None:
        """`TimeSource`."""
        return self.keeper.bound()

    def start(self) -> None:
        """Begin to ask the sources and to serve; does nothing where nothing is configured."""
        if not self.configured or self._thread is not None:
            return
        if self._folder is not None:
            self.keeper.restore(read_history(self._folder / HISTORY_NAME))
        self._thread = threading.Thread(target=self._run, name="penward-clock", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the threads; one that waits for a name server is left to end by itself."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(END_SECONDS)
            self._thread = None

    def status(self) -> dict[str, Any]:
        """Everything that is told of the clock, as JSON content."""
        known: list[Source] = [*self._sources, *([self._board] if self._board else [])]
        standing = self.keeper.standing()
        return status_dict(
            standing,
            configured=self.configured,
            oscillator=self.plan.oscillator,
            sources=[source.describe() for source in known],
            serving=self.server is not None,
        )

    def plot(self) -> str:
        """Offset and bound of the last rounds as SVG."""
        return draw_history(self.keeper.history())

    def _run(self) -> None:
        try:
            self._open_board()
            with ThreadPoolExecutor(max(len(self._sources), 1), "penward-clock-ask") as pool:
                rounds = 0
                while not self._stop.is_set():
                    self.round(pool.map)
                    rounds += 1
                    self._serve()
                    self._stop.wait(
                        min(self.plan.first_pause, self.plan.poll_seconds)
                        if rounds < FIRST_ROUNDS
                        else self.plan.poll_seconds
                    )
        finally:
            if self.server is not None:
                self.server.close()
                self.server = None
            if self._board is not None:
                self._board.close()
                self._board = None

    def round(self, each: Callable[..., object] = map) -> None:
        """Ask everybody once and let the keeper judge."""
        answers: list[Measurement | None] = list(each(_poll, self._sources))  # type: ignore[call-overload]
        if self._board is not None:
            answers.append(self._board.poll())
        self.keeper.take([item for item in answers if item is not None])
        self._write_status()

    def _open_board(self) -> None:
        if not self.plan.board:
            return
        try:
            line = SerialTransport(self.plan.board, self._base, baud=self.plan.board_baud)
        except ClockError as error:
            log.warning("%s", error)
            return
        self._board = TimeBoard(line, self._base, name=self.plan.board)
        self._board.start()

    def _serve(self) -> None:
        """Listen, when this worker is the one that gets the port; another one tries again each round."""
        if self._listen is None or self.server is not None:
            return
        try:
            self.server = SntpServer(self._listen, self.keeper, self._base)
        except ClockError as error:
            log.info("%s", error)

    def _write_status(self) -> None:
        """For `clock status`: what is known now, and the ring of rounds, each replaced at once."""
        if self._folder is None:
            return
        rounds = [
            (p.utc_ns, p.offset, p.bound, str(p.state), p.survivors, p.falsetickers)
            for p in self.keeper.history()
        ]
        try:
            for name, content in ((STATUS_NAME, self.status()), (HISTORY_NAME, rounds)):
                temporary = self._folder / f"{name}.{os.getpid()}.tmp"
                temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
                temporary.replace(self._folder / name)
        except OSError as error:
            log.info("the clock's status could not be written: %s", error.strerror)


def read_history(path: Path) -> list[HistoryPoint]:
    """The rounds that a server wrote, at most the newest 4320; none when they cannot be read."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))[-RING:]
        return [
            HistoryPoint(
                int(utc_ns),
                None if offset is None else float(offset),
                None if bound is None else float(bound),
                ClockState(state),
                int(survivors),
                int(falsetickers),
            )
            for utc_ns, offset, bound, state, survivors, falsetickers in rows
        ]
    except (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return []


def measure_once(sources: Sequence[str], *, timeout: float = 1.0) -> list[dict[str, object]]:
    """Ask each source once: its offset from the system's clock and its distance (s), or what is wrong.

    Raises:
        ClockError: `clock.address-wrong`.
    """
    base = MachineBase()
    found: list[dict[str, object]] = []
    for source in [SntpSource(parse_address(text), base, timeout=timeout) for text in sources]:
        measured = source.poll()
        line = source.describe()
        if measured is not None:
            system = system_utc_ns() - (base.read() - measured.base_ns)
            line["system_offset_s"] = (system - measured.utc_ns) / 1e9
        found.append(line)
    return found


def _poll(source: Source) -> Measurement | None:
    return source.poll()


__all__ = ["ClockPlan", "ClockService", "measure_once", "read_history"]
