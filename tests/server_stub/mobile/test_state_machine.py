"""The state machine of a task: no state without a way out, no way back from an end, whatever is tried."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server_stub.app import load_core
from server_stub.config import load_settings
from server_stub.core import Core
from server_stub.errors import ServerError
from server_stub.mobile.models import Task
from server_stub.mobile.rooms import Bedside, bedside
from server_stub.mobile.service import OPEN_STATES, TRANSITIONS
from server_stub.setup import read_passphrase
from signing.wire import OFD_MEDIA_TYPE, TaskRequest, TaskState
from tests.support.documents import small_ofd
from tests.support.server import WARD, Time
from tests.support.station import task_request

ENDS = set(TaskState) - OPEN_STATES
DOCUMENT = small_ofd()


def test_every_state_has_a_way_to_an_end() -> None:
    """From each open state an end can be reached, and from an end nothing."""
    assert set(TRANSITIONS) == set(TaskState)
    assert all(not TRANSITIONS[end] for end in ENDS)
    for state in OPEN_STATES:
        assert TRANSITIONS[state] & ENDS
        assert TaskState.EXPIRED in TRANSITIONS[state]
        assert TaskState.CANCELLED in TRANSITIONS[state]


@pytest.fixture
def core(hospital: Path) -> Iterator[Core]:
    """A core without HTTP, with a clock to push."""
    core = load_core(
        load_settings(hospital),
        read_passphrase(hospital / "secrets" / "passphrase"),
        clock=Time(),
    )
    yield core
    core.store.database.close()


ACTS = st.lists(
    st.sampled_from(["cancel", "recall", "offer", "seen", "challenge", "sweep", "wait", "long wait"]),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_whatever_is_tried(core: Core, acts: list[str]) -> None:
    """Any order of acts moves a task along the allowed ways alone; refusals are documented errors."""
    rooms = bedside(core)
    with core.store.database.write() as session:
        station = _station(core, session)
        his = core.auth.find_his(session, "示范 HIS")
    request = TaskRequest.from_dict(task_request(DOCUMENT, OFD_MEDIA_TYPE))
    prepared = rooms.tasks.prepare(his, request)
    with core.store.database.write() as session:
        task = rooms.tasks.add(session, prepared)
    before = TaskState.PENDING
    for act in acts:
        try:
            _do(core, rooms, act, his, station, task.id)
        except ServerError as error:
            assert error.status in (404, 409)
        with core.store.database.read() as session:
            now = session.get_one(Task, task.id)
        state = TaskState(now.state)
        assert state == before or state in _reachable(before)
        assert (now.signing_until is None) == (state != TaskState.SIGNING)
        before = state


def _reachable(state: TaskState) -> set[TaskState]:
    """One act may take more than one step (a sweep both expires and offers)."""
    first = set(TRANSITIONS[state])
    return first.union(*(TRANSITIONS[step] for step in first))


def _station(core: Core, session):  # type: ignore[no-untyped-def]
    from signing.sm import SM2PrivateKey

    code = core.auth.make_enrolment_code(session, WARD, valid=dt.timedelta(days=300))
    spki = SM2PrivateKey.generate().public_key.spki
    return core.auth.enrol(session, code=code, name="床旁", ward=WARD, spki=spki)


def _do(core: Core, rooms: Bedside, act: str, his: str, station, task_id: str) -> None:  # type: ignore[no-untyped-def]
    clock = core.store.clock
    assert isinstance(clock, Time)
    if act == "wait":
        clock.ahead += dt.timedelta(hours=1)
    elif act == "long wait":
        clock.ahead += dt.timedelta(days=core.settings.task_days)
    elif act == "sweep":
        rooms.tasks.sweep()
    elif act == "challenge":
        rooms.handwriting.challenge(station, task_id)
    elif act == "seen":
        with core.store.database.write() as session:
            rooms.tasks.mark_offered(session, [task_id], station)
    else:
        with core.store.database.write() as session:
            getattr(rooms.tasks, act)(session, his, task_id)
