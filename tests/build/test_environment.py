"""R45: set-up names every system package that a fresh Debian lacks, also the one that venv needs."""

from __future__ import annotations

import importlib.util
import sys
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

BUILD = Path(__file__).resolve().parent.parent.parent / "build"


@pytest.fixture
def environment() -> Iterator[ModuleType]:
    """build/environment.py, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("penward_build_environment", BUILD / "environment.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop(spec.name, None)


def test_a_half_made_environment_is_made_anew(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A set-up that was killed leaves an interpreter without pip: the next one begins again."""
    half = tmp_path / "venv"
    venv.create(half, with_pip=False)
    (half / "left-over").touch()
    monkeypatch.setattr(environment, "ENVIRONMENT", half)
    monkeypatch.setattr(environment, "STAMP", half / "stamp.json")
    ran: list[list[str]] = []
    monkeypatch.setattr(environment, "_run", lambda command, _variables=None: ran.append(command))
    environment.install_environment("run")
    assert not (half / "left-over").exists()
    assert environment._has_pip()
    assert len(ran) == 2
    environment.install_environment("run")
    assert len(ran) == 2, "what the stamp vouches for is not installed again"


@pytest.mark.parametrize(("there", "asked"), [(True, ["one"]), (False, ["one", "python3-venv"])])
def test_a_python_without_ensurepip_asks_for_debians_package(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, there: bool, asked: list[str]
) -> None:
    """Debian ships `venv` without what it needs to put pip into an environment."""
    seen: list[str] = []

    def install(packages: Sequence[str]) -> None:
        seen.extend(packages)

    found = importlib.util.find_spec("ensurepip")
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda _name: found if there else None)
    monkeypatch.setattr(environment, "install_system_packages", install)
    monkeypatch.setattr(environment, "install_environment", lambda _lock: None)
    assert environment.prepare("run", ("one",)) == environment.environment_python()
    assert seen == asked
