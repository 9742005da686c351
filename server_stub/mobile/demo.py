"""The invented patients and staff of a demo hospital."""

from __future__ import annotations

import json
from importlib import resources

from sqlalchemy.orm import Session

from server_stub.mobile.models import Patient, Staff


def load_demo(session: Session, his: str) -> str:
    """Put the people of `resources/demo/people.json` into an empty hospital; says what was put in.

    The patients are those of the HIS with the id `his`.
    """
    source = resources.files("resources").joinpath("demo", "people.json")
    people = json.loads(source.read_text(encoding="utf-8"))
    session.add_all(Patient(his=his, **patient) for patient in people["patients"])
    session.add_all(Staff(**person) for person in people["staff"])
    session.flush()
    patients, staff = len(people["patients"]), len(people["staff"])
    wards = "、".join(sorted({patient["ward"] for patient in people["patients"]}))
    return f"示范数据 demo data: {patients} 名患者 patients, {staff} 名职工 staff; {wards}"
