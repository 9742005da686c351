"""R45: set-up names every system package that a fresh Debian lacks, also the one that venv needs."""

from __future__ import annotations

import importlib.util
import sys
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
