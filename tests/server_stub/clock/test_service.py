"""R43, R53, R83, R85: the running clock, its HTTP and command line, and time stamps that need it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import os
import socket
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from server_stub.app import load_core
from server_stub.cli import cli
from server_stub.clock import ClockError, ClockPlan, ClockService, ClockState
from server_stub.clock import packet as ntp
from server_stub.clock.base import MachineBase, system_utc_ns
from server_stub.clock.client import Address, ask
from server_stub.clock.service import HISTORY_NAME, STATUS_NAME, read_history
from server_stub.config import load_settings
from server_stub.core import Core
from server_stub.setup import read_passphrase
from signing.sm import sm3
from signing.tsp import TspError, build_request, new_nonce, token_from_response, verify_token
from signing.wire import Request, sign_request_hmac
from signing.wire import new_nonce as request_nonce
from tests.conftest import ExpectedWarnings
from tests.server_stub.clock.reference import Behaviour, ReferenceServer
from tests.server_stub.clock.test_board import GGA, RMC
from tests.support.server import Server, running

TIME_NOT_AVAILABLE = 14


def configure(hospital: Path, **settings: object) -> None:
    with (hospital / "penward.toml").open("a", encoding="utf-8") as stream:
        for name, value in settings.items():
            stream.write(f"{name} = {json.dumps(value)}\n")


@contextlib.contextmanager
def opened(hospital: Path) -> Iterator[Core]:
    core = load_core(load_settings(hospital), read_passphrase(hospital / "secrets" / "passphrase"))
    try:
        yield core
    finally:
        core.close()


def get(server: Server, path: str) -> tuple[int, bytes]:
    his = server.his
    header = sign_request_hmac(
        Request("GET", path, [], b""),
        secret=his.secret,
        key_id=his.key_id,
        now=his.clock(),
        nonce=request_nonce(),
    )
    answer = server.client.get(path, headers={"Authorization": header})
    return answer.status_code, answer.content


def refusal(reply: bytes) -> object:
    with pytest.raises(TspError) as caught:
        token_from_response(reply)
    return caught.value.params["failure"]


def test_three_rounds_lock_and_a_liar_is_named() -> None:
    honest = [ReferenceServer() for _ in range(3)]
    with honest[0], honest[1], honest[2], ReferenceServer(Behaviour(lie=4.0)) as liar:
        service = ClockService(ClockPlan(sources=tuple(s.address for s in (*honest, liar))))
        for _ in range(3):
            service.round()
    status = service.status()
    assert status["state"] == "LOCKED"
    assert status["falsetickers"] == [liar.address]
    bound = service.bound()
    assert bound is not None
    assert abs((service.now() - dt.datetime.now(dt.UTC)).total_seconds()) <= bound + 0.05
    assert [source["stratum"] for source in status["sources"]] == [1] * 4


def test_the_service_runs_serves_and_stops(tmp_path: Path) -> None:
    """Threads ask, keep the status on disk and tell the time by SNTP; two workers share one port in turn."""
    with ReferenceServer(Behaviour(lie=60.0)) as source:
        port = free_port()
        plan = ClockPlan((source.address,), listen=f"127.0.0.1:{port}", poll_seconds=0.05, first_pause=0.01)
        service = ClockService(plan, status_folder=tmp_path)
        rival = ClockService(plan, status_folder=tmp_path)
        service.start()
        try:
            await_(lambda: service.server is not None and service.bound() is not None)
            rival.start()
            await_(lambda: rival.bound() is not None)
            assert rival.server is None
            found, _ = ask(Address("127.0.0.1", port), MachineBase())
            offset = (found.offset_ns - (system_utc_ns() - MachineBase().read())) / ntp.NANO
            assert abs(offset - 60.0) < 0.1
        finally:
            service.stop()
        try:
            await_(lambda: rival.server is not None)
        finally:
            rival.stop()
    assert json.loads((tmp_path / STATUS_NAME).read_text("utf-8"))["state"] == "LOCKED"
    before = read_history(tmp_path / HISTORY_NAME)
    again = ClockService(plan, status_folder=tmp_path)
    again.start()  # the plot goes on where the last process stopped
    again.stop()
    assert len(before) > 3
    assert again.keeper.history()[: len(before)] == before
    assert service.server is None


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_(condition) -> None:  # type: ignore[no-untyped-def]
    for _ in range(600):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come about")


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_a_board_alone_steers() -> None:
    pytest.importorskip("serial")
    master, slave = os.openpty()
    plan = ClockPlan(board=os.ttyname(slave), poll_seconds=0.05, first_pause=0.02)
    service = ClockService(plan)
    service.start()
    try:
        for _ in range(200):
            os.write(master, GGA + RMC)
            time.sleep(0.03)
            if service.keeper.read().state is ClockState.LOCKED:
                break
        assert service.keeper.read().state is ClockState.LOCKED
        assert service.now().date() == dt.date(2026, 11, 22)
        assert (service.bound() or 0) > 0.3
    finally:
        service.stop()
        os.close(master)
        os.close(slave)


def test_a_board_that_is_away_is_told(expected_warnings: ExpectedWarnings) -> None:
    expected_warnings("penward.clock", "cannot be opened")
    service = ClockService(ClockPlan(board="/nowhere/tty", poll_seconds=0.05))
    service.start()
    try:
        await_(lambda: service.keeper.history())
    finally:
        service.stop()
    assert service.bound() is None


@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(
            lambda value: json.dumps(value).encode()
        ),
    )
)
def test_any_file_is_a_history(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "h.json"
        path.write_bytes(content)
        assert isinstance(read_history(path), list)


def test_settings_that_are_wrong_are_named(hospital: Path) -> None:
    configure(hospital, clock_sources=["one two"])
    with pytest.raises(ClockError) as caught, opened(hospital):
        pass
    assert caught.value.code == "clock.address-wrong"
    with pytest.raises(ClockError) as many:
        ClockService(ClockPlan(sources=("a",) * 17))
    assert many.value.code == "clock.too-many-sources"


def test_time_stamps_wait_for_a_clock_that_is_certain(
    hospital: Path, expected_warnings: ExpectedWarnings
) -> None:
    """R85: timeNotAvailable until the bound is below the stated accuracy, and again beyond it."""
    expected_warnings("penward.tsp", "No trusted time")
    expected_warnings("penward.clock", "is HOLDOVER")
    expected_warnings("penward.clock", "may be off by")
    with ReferenceServer() as source:
        configure(hospital, clock_sources=[source.address], tsa_accuracy_ms=250)
        with opened(hospital) as core:
            nonce = new_nonce()
            request = build_request(sm3(b"message"), nonce=nonce)
            assert refusal(core.tsa.respond(request)) == TIME_NOT_AVAILABLE
            with pytest.raises(TspError) as caught:
                core.tsa.stamp(b"message")
            assert caught.value.code == "tsp.time-not-available"
            for _ in range(3):
                core.clock.round()
            token = token_from_response(core.tsa.respond(request), nonce=nonce)
            result = verify_token(token, b"message", anchors=core.hospital.anchors)
            assert result.info is not None
            assert result.info.accuracy == dt.timedelta(milliseconds=250)
            source.behaviour.lie = 0.4  # the majority contradicts: the bound holds both times
            core.clock.round()
            assert (core.clock.bound() or 0) > 0.25
            assert refusal(core.tsa.respond(request)) == TIME_NOT_AVAILABLE


def test_without_sources_time_stamps_state_no_accuracy(server: Server) -> None:
    """The system's clock is used as it is; nobody knows how right it is, and the token does not claim to."""
    result = verify_token(server.core.tsa.stamp(b"m"), b"m", anchors=server.core.hospital.anchors)
    assert result.info is not None
    assert result.info.accuracy is None
    assert server.core.clock.bound() is None


def test_who_is_known_may_see_the_clock(server: Server, expected_warnings: ExpectedWarnings) -> None:
    expected_warnings("penward.auth", "no-credentials")
    status, body = get(server, "/api/v1/clock")
    assert status == 200
    content = json.loads(body)
    assert (content["state"], content["bound_s"], content["configured"]) == ("FREERUN", None, False)
    assert server.client.get("/api/v1/clock").status_code == 401
    status, svg = get(server, "/api/v1/clock/plot.svg")
    assert status == 200
    assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 our own


def test_the_app_starts_and_stops_the_clock(hospital: Path) -> None:
    with ReferenceServer() as source:
        configure(hospital, clock_sources=[source.address])
        with running(hospital) as server:
            await_(lambda: server.core.clock.bound() is not None)
            content = json.loads(get(server, "/api/v1/clock")[1])
            assert content["state"] == "LOCKED"
            assert content["survivors"] == [source.address]
            polylines = get(server, "/api/v1/clock/plot.svg")[1].count(b"<polyline")
            assert polylines == 3
        printed = CliRunner().invoke(cli, ["clock", "status", str(hospital)]).output
        assert "已同步" in printed
        assert "LOCKED" in printed
        told = CliRunner().invoke(cli, ["clock", "status", str(hospital), "--json"]).output
        assert json.loads(told)["state"] == "LOCKED"
        plot = hospital / "plot.svg"
        CliRunner().invoke(cli, ["clock", "status", str(hospital), "--svg", str(plot)])
        assert plot.read_text("utf-8").count("<polyline") == 3


def test_clock_status_without_a_server(hospital: Path) -> None:
    run = CliRunner()
    assert "未配置时间源" in run.invoke(cli, ["clock", "status", str(hospital)]).output
    with ReferenceServer(Behaviour(lie=-2.0)) as source, ReferenceServer(Behaviour(loss=1.0)) as silent:
        configure(hospital, clock_sources=[source.address, silent.address])
        missing = run.invoke(cli, ["clock", "status", str(hospital)])
        assert isinstance(missing.exception, ClockError)
        assert missing.exception.code == "clock.no-status"
        result = run.invoke(cli, ["clock", "status", str(hospital), "--measure", "--json"])
        first, second = json.loads(result.output)["measured"]
        assert first["system_offset_s"] == pytest.approx(2.0, abs=0.1)
        assert second["problem"] == "no answer"
        assert "no answer" in run.invoke(cli, ["clock", "status", str(hospital), "--measure"]).output
    (hospital / STATUS_NAME).write_text("not JSON", "utf-8")
    assert isinstance(run.invoke(cli, ["clock", "status", str(hospital)]).exception, ClockError)


def test_clock_simulate_prints_and_plots(tmp_path: Path) -> None:
    svg = tmp_path / "sim.svg"
    arguments = ["clock", "simulate", "--hours", "2", "--training", "2", "--class", "pc", "--class", "rb"]
    words = CliRunner().invoke(cli, [*arguments, "--svg", str(svg)]).output
    assert "covered" in words
    assert "pc" in words
    assert svg.read_text("utf-8").count("<polyline") == 6
    lines = json.loads(CliRunner().invoke(cli, [*arguments, "--json", "--runs", "2"]).output)
    assert [(line["oscillator"], line["runs"]) for line in lines] == [("pc", 2), ("rb", 2)]
    nowhere = CliRunner().invoke(cli, [*arguments, "--svg", str(tmp_path / "no" / "sim.svg")])
    assert isinstance(nowhere.exception, ClockError)


def test_states_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """R53: the log says when the clock was synchronised, and with what bound."""
    with ReferenceServer() as source, caplog.at_level(logging.INFO, "penward.clock"):
        service = ClockService(ClockPlan(sources=(source.address,)))
        for _ in range(3):
            service.round()
    assert any("is LOCKED" in record.getMessage() for record in caplog.records)
