"""`penward-server`: what each command makes and refuses, in words for people."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete

from server_stub.app import load_core
from server_stub.cli import cli
from server_stub.config import load_settings
from server_stub.errors import SetupError
from server_stub.setup import Plan, make_hospital, read_passphrase
from server_stub.store import AuditEvent, Database
from signing.pki import load_anchors, load_signer
from signing.verdict import PenwardError

PASSPHRASE = "a passphrase of the test"


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], input=stdin)


def refusal(*arguments: object) -> str:
    """The code of the documented error that a command ended with."""
    result = run(*arguments)
    assert isinstance(result.exception, PenwardError), (result.output, result.exception)
    return result.exception.code


@pytest.fixture
def passphrase_file(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(PASSPHRASE + "\n", encoding="utf-8")
    return path


def test_init_makes_a_demo_hospital_and_says_what_it_made(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    result = run("init", folder, "--demo")
    assert result.exit_code == 0, result.output
    for word in (
        "测试根 CA",
        "seal-maker",
        "root-keys",
        "secrets/passphrase",
        "his-demo.json",
        "penward-server serve",
    ):
        assert word in result.output
    made = json.loads((folder / "secrets" / "his-demo.json").read_text())
    assert made["key_id"] in result.output
    assert made["secret_b64"] not in result.output
    assert (folder / "penward.db").is_file()
    assert (folder / "blobs").is_dir()
    for secret in ("secrets/passphrase", "secrets/his-demo.json", "root-keys/root-sm2.key.pem"):
        assert stat.S_IMODE((folder / secret).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_init_keeps_the_passphrase_and_root_keys_outside(tmp_path: Path, passphrase_file: Path) -> None:
    """Without --demo nothing that opens the keys lies in the data folder (protocol.md, Keys at rest)."""
    folder = tmp_path / "hospital"
    result = run("init", folder, "--passphrase-file", passphrase_file, "--hospital", "某某医院")
    assert result.exit_code == 0, result.output
    assert not (folder / "secrets").exists()
    assert not list(folder.rglob("*.key.pem"))
    roots = tmp_path / "hospital-root-keys"
    for name, role in (("root-sm2.key.pem", "root"), ("root-tls.key.pem", "tls-root")):
        signer = load_signer((roots / name).read_bytes(), PASSPHRASE)
        core = load_core(load_settings(folder), PASSPHRASE)
        assert signer.public_key_spki == core.hospital.certificate(role).spki_der
        core.store.database.close()
    for path in folder.rglob("*"):
        assert path.is_dir() or PASSPHRASE.encode() not in path.read_bytes(), path
    assert tomllib.loads((folder / "penward.toml").read_text())["hospital"] == "某某医院"


def test_a_missing_passphrase_file_is_made(tmp_path: Path) -> None:
    made = tmp_path / "keys" / "passphrase"
    assert run("init", tmp_path / "h", "--passphrase-file", made).exit_code == 0
    assert len(read_passphrase(made)) >= 24
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_init_refuses_by_name(tmp_path: Path, passphrase_file: Path) -> None:
    folder = tmp_path / "h"
    assert refusal("init", folder) == "server.passphrase-needed"
    assert refusal("init", folder, "--passphrase-file", folder / "p") == "server.passphrase-inside"
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert refusal("init", folder, "--passphrase-file", link / "h" / "p") == "server.passphrase-inside"
    short = tmp_path / "short"
    short.write_text("abc\n")
    assert refusal("init", folder, "--passphrase-file", short) == "server.passphrase-short"
    assert not folder.exists()
    assert run("init", folder, "--passphrase-file", passphrase_file).exit_code == 0
    assert refusal("init", folder, "--passphrase-file", passphrase_file) == "server.folder-not-empty"
    other = tmp_path / "other"
    assert (
        refusal("init", other, "--passphrase-file", passphrase_file, "--root-keys", f"{folder}-root-keys")
        == "server.root-keys-exist"
    )


def test_a_failed_init_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(_session: object, _his: str) -> str:
        raise LookupError

    with pytest.raises(LookupError):
        make_hospital(Plan(tmp_path / "h", "医院", True, None), demo_loaders=[fail])
    assert list(tmp_path.iterdir()) == []


def test_commands_need_a_hospital(tmp_path: Path) -> None:
    assert refusal("serve", tmp_path) == "server.no-folder"
    (tmp_path / "penward.toml").write_text("port = 'x'\nnonsense = 1\n")
    with pytest.raises(SetupError) as refused:
        load_settings(tmp_path)
    assert refused.value.code == "server.config-wrong"
    assert "port" in refused.value.message()
    (tmp_path / "penward.toml").write_text("= broken")
    assert refusal("serve", tmp_path) == "server.config-wrong"


def test_the_environment_overrides_the_file(hospital: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENWARD_PORT", "1234")
    assert load_settings(hospital).port == 1234


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "ward-server"])  # noqa: S104
def test_another_host_than_loopback_needs_tls(hospital: Path, host: str) -> None:
    assert refusal("serve", hospital, "--host", host) == "server.tls-needed"


def test_more_workers_need_postgresql(hospital: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENWARD_WORKERS", "2")
    assert refusal("serve", hospital) == "server.workers-need-postgresql"


def test_an_old_database_is_refused_and_migrated(hospital: Path) -> None:
    from alembic import command

    from server_stub.store import migrate

    database = Database(load_settings(hospital).database)
    configuration = migrate._configuration()
    with database.engine.connect() as connection:
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "0001")
    database.close()
    assert refusal("serve", hospital) == "store.migration-needed"
    result = run("migrate", hospital)
    assert result.exit_code == 0
    assert "0001" in result.output
    assert run("doctor", hospital).exit_code == 0


def test_doctor_looks_at_everything(hospital: Path) -> None:
    result = run("doctor", hospital)
    assert result.exit_code == 0, result.output
    for word in ("OpenSSL", "SQLite", "tsa", "encryption", "dead"):
        assert word in result.output
    assert "✗" not in result.output


def test_doctor_says_what_is_wrong(hospital: Path) -> None:
    (hospital / "secrets" / "passphrase").write_text("some other passphrase\n")
    result = run("doctor", hospital)
    assert result.exit_code == 1
    assert "✗" in result.output
    assert "口令" in result.output


def test_a_station_code_is_shown_alone_on_its_line(hospital: Path) -> None:
    result = run("station", "code", hospital, "--ward", "外科一病区")
    assert result.exit_code == 0
    code = result.stdout.strip()
    assert len(code.replace("-", "")) == 20
    assert "外科一病区" in result.stderr


def test_his_keys_are_shown_once_or_written_to_a_private_file(hospital: Path, tmp_path: Path) -> None:
    result = run("his", "add", hospital, "检验系统")
    shown = json.loads(result.stdout)
    assert shown["his"] == "检验系统"
    out = tmp_path / "second.json"
    assert run("his", "add-key", hospital, "检验系统", "--out", out).exit_code == 0
    second = json.loads(out.read_text())
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert second["his_id"] == shown["his_id"]
    assert second["key_id"] != shown["key_id"]
    assert refusal("his", "add-key", hospital, "检验系统") == "auth.too-many-keys"
    assert run("his", "revoke-key", hospital, shown["key_id"]).exit_code == 0
    assert refusal("his", "revoke-key", hospital, shown["key_id"]) == "auth.no-such-key"
    assert refusal("his", "add-key", hospital, "检验系统", "--out", out) == "server.file-exists"
    third = run("his", "add-key", hospital, "检验系统")
    assert third.exit_code == 0, "a key that could not be written was not made either"


def test_trust_export_writes_anchors_that_load(hospital: Path, tmp_path: Path) -> None:
    result = run("trust", "export", hospital, tmp_path / "trust")
    assert result.exit_code == 0
    anchors = load_anchors(tmp_path / "trust")
    assert len(anchors) == 2
    assert all("测试" in anchor.common_name for anchor in anchors)


def test_keys_are_rotated_as_one(hospital: Path, tmp_path: Path, passphrase_file: Path) -> None:
    result = run("keys", "rotate", hospital, "--new-passphrase-file", passphrase_file)
    assert result.exit_code == 0, result.output
    settings = load_settings(hospital)
    with pytest.raises(SetupError) as refused:
        load_core(settings, read_passphrase(hospital / "secrets" / "passphrase"))
    assert refused.value.code == "store.passphrase-wrong"
    load_core(settings, PASSPHRASE).store.database.close()


def test_audit_verify_reads_all_and_finds_a_hole(hospital: Path) -> None:
    result = run("audit", "verify", hospital)
    assert result.exit_code == 0, result.output
    database = Database(load_settings(hospital).database)
    with database.write() as session:
        session.execute(delete(AuditEvent).where(AuditEvent.seq == 2))
    database.close()
    result = run("audit", "verify", hospital)
    assert result.exit_code == 1
    assert "✗" in result.output


def test_audit_verify_takes_a_stations_checkpoint(hospital: Path, tmp_path: Path) -> None:
    """One that this server signed, and no other."""
    core = load_core(load_settings(hospital), read_passphrase(hospital / "secrets" / "passphrase"))
    with core.store.database.write() as session:
        kept = core.signed_checkpoint(session).to_dict()
        core.store.audit.release(session)
    core.store.database.close()
    path = tmp_path / "checkpoint.json"
    path.write_text(json.dumps(kept))
    assert run("audit", "verify", hospital, "--checkpoint", path).exit_code == 0
    path.write_text(json.dumps(kept | {"count": 999}))
    assert refusal("audit", "verify", hospital, "--checkpoint", path) == "wire.wrong-checkpoint-signature"
    path.write_text("{}")
    assert refusal("audit", "verify", hospital, "--checkpoint", path) == "server.checkpoint-unreadable"


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("init",),
        ("serve",),
        ("doctor",),
        ("station", "code"),
        ("his", "add"),
        ("audit", "verify"),
        ("keys",),
    ],
)
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output
