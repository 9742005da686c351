"""`penward-server`: makes a hospital, serves it, and keeps its stations, callers, keys and audit log."""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from server_stub import checks, opening
from server_stub import serve as server
from server_stub.clock import commands as clock_commands
from server_stub.config import Settings, load_settings
from server_stub.core import Core
from server_stub.errors import SetupError
from server_stub.setup import (
    Plan,
    his_secret_json,
    is_inside,
    make_hospital,
    read_passphrase,
    write_secret,
)
from server_stub.store import AuditKind, Database
from server_stub.store.migrate import current, upgrade
from signing.verdict import PenwardError, say

_F = TypeVar("_F", bound=Callable[..., Any])
FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


def tell(code: str, **params: object) -> None:
    """Print a sentence, Chinese first and English below."""
    click.echo(say(code, "zh_CN", **params))
    click.echo(f"  {say(code, 'en', **params)}")


@click.group()
@click.version_option(package_name="penward", message="%(version)s")
def cli() -> None:
    """床旁签中心服务器。 The central signing server of a hospital.

    \b
    penward-server init DIR --demo       建立示范医院  make a demo hospital
    penward-server serve DIR             启动          serve it
    penward-server station code DIR --ward 外科一病区   登记签名终端  enrol a station
    """


@cli.command()
@click.argument("directory", type=FOLDER)
@click.option(
    "--demo",
    is_flag=True,
    help="示范医院：含虚构患者与职工，口令存于目录内。 Invented data, keys inside DIR.",
)
@click.option("--hospital", default="示范医院", show_default=True, help="医院名称。 The hospital's name.")
@click.option(
    "--passphrase-file",
    type=FILE,
    help="密钥口令文件，须在目录之外；不存在时自动生成。 Must lie outside DIR.",
)
@click.option(
    "--root-keys", type=FOLDER, help="根密钥存放目录。 Where the root keys go (default: beside DIR)."
)
@click.option(
    "--tls-name", "tls_names", multiple=True, help="TLS 证书的域名或 IP，可重复。 DNS name or IP address."
)
@click.option("--database-url", default="", help="postgresql://…；默认 SQLite。 Default: SQLite in DIR.")
def init(
    directory: Path,
    demo: bool,
    hospital: str,
    passphrase_file: Path | None,
    root_keys: Path | None,
    tls_names: tuple[str, ...],
    database_url: str,
) -> None:
    """建立一家医院：测试根证书、签发 CA、数据库、文件夹。 Make a hospital in DIR."""
    if passphrase_file is None and not demo:
        raise SetupError("server.passphrase-needed")
    from server_stub.app import demo_loaders  # all rooms: slow to import, needed here alone

    plan = Plan(directory, hospital, demo, passphrase_file, root_keys, tls_names, database_url)
    made = make_hospital(plan, demo_loaders=demo_loaders())
    tell("server.made", folder=made.directory)
    for role, subject in made.certificates:
        click.echo(f"    {role:<12} {subject}")
    tell("server.made-root-keys", folder=made.root_keys)
    tell("server.made-passphrase", file=made.passphrase_file)
    for line in made.demo:
        click.echo(f"    {line}")
    if made.his_file is not None:
        key_id = json.loads(made.his_file.read_text(encoding="utf-8"))["key_id"]
        tell("server.made-his", key_id=key_id, file=made.his_file)
    tell("server.next-steps", folder=made.directory)


@cli.command()
@click.argument("directory", type=FOLDER)
@click.option("--host", help="监听地址；非本机地址须加 --tls。 A host other than loopback needs --tls.")
@click.option("--port", type=click.IntRange(0, 65535), help="端口，0 表示任选。 0 takes a free port.")
@click.option("--tls", is_flag=True, help="用医院的 TLS 证书。 Serve HTTPS with the hospital's certificate.")
def serve(directory: Path, host: str | None, port: int | None, tls: bool) -> None:
    """启动服务器，按 Ctrl+C 结束。 Serve the hospital in DIR until interrupted."""
    settings = load_settings(directory)
    server.serve(
        directory,
        passphrase=_passphrase(settings),
        host=host,
        port=port,
        tls=tls,
        announce=lambda url: click.echo(f"{say('server.serving', 'zh_CN', url=url)}\n", nl=False),
    )


@cli.command()
@click.argument("directory", type=FOLDER)
def migrate(directory: Path) -> None:
    """把数据库升级到本版本。 Bring the database to this version's tables."""
    database = Database(load_settings(directory).database)
    try:
        before = current(database)
        after = upgrade(database)
    finally:
        database.close()
    tell("server.migrated", before=before or "–", after=after)


@cli.command()
@click.argument("directory", type=FOLDER)
def doctor(directory: Path) -> None:
    """检查密码模块、数据库、密钥与任务。 Check SM backend, database, keys, jobs."""
    settings = load_settings(directory)
    findings = checks.examine(settings, lambda: _passphrase(settings))
    for finding in findings:
        mark = "✓" if finding.good else "✗"
        click.echo(f"{mark} {say(finding.code, 'zh_CN', **finding.params)}")
        click.echo(f"  {say(finding.code, 'en', **finding.params)}")
    sys.exit(0 if all(finding.good for finding in findings) else 1)


@cli.group()
def station() -> None:
    """签名终端。 Stations: ward PCs and pads."""


@station.command("code")
@click.argument("directory", type=FOLDER)
@click.option("--ward", required=True, help="病区。 The ward.")
@click.option("--hours", type=click.IntRange(1, 24 * 14), help="有效小时数。 How long the code is valid.")
def station_code(directory: Path, ward: str, hours: int | None) -> None:
    """生成一次性登记码。 Make a one-time enrolment code."""
    with _core(directory) as core:
        valid = hours or core.settings.enrolment_code_hours
        with core.store.database.write() as session:
            code = core.auth.make_enrolment_code(session, ward, valid=dt.timedelta(hours=valid))
    click.echo(code)
    click.echo(say("server.code-made", "zh_CN", ward=ward, hours=valid), err=True)


@station.command("list")
@click.argument("directory", type=FOLDER)
def station_list(directory: Path) -> None:
    """列出已登记的终端。 List enrolled stations."""
    with _core(directory) as core, core.store.database.read() as session:
        for item in core.auth.stations(session):
            click.echo(f"{item.id}  {item.ward}  {item.name}")


@station.command("revoke")
@click.argument("directory", type=FOLDER)
@click.argument("station_id")
def station_revoke(directory: Path, station_id: str) -> None:
    """停用终端。 Refuse a station from now on."""
    with _core(directory) as core, core.store.database.write() as session:
        core.auth.revoke_station(session, station_id)
    tell("server.station-revoked", station=station_id)


@cli.group()
def his() -> None:
    """业务系统（HIS）。 Hospital information systems."""


@his.command("add")
@click.argument("directory", type=FOLDER)
@click.argument("name")
@click.option("--out", type=FILE, help="密钥文件（仅本人可读）。 Write the key to a new file.")
def his_add(directory: Path, name: str, out: Path | None) -> None:
    """登记 HIS 并生成密钥，只显示一次。 Make a HIS known; its key is shown once."""
    with _core(directory) as core, core.store.database.write() as session:
        made = core.auth.add_his(session, name)
        _show_secret(his_secret_json(name, made), out)


@his.command("add-key")
@click.argument("directory", type=FOLDER)
@click.argument("name")
@click.option("--out", type=FILE, help="密钥文件（仅本人可读）。 Write the key to a new file.")
def his_add_key(directory: Path, name: str, out: Path | None) -> None:
    """为 HIS 增加第二把密钥，便于更换。 A second live key, to change keys without a pause."""
    with _core(directory) as core, core.store.database.write() as session:
        made = core.auth.add_his_key(session, core.auth.find_his(session, name))
        _show_secret(his_secret_json(name, made), out)


@his.command("revoke-key")
@click.argument("directory", type=FOLDER)
@click.argument("key_id")
def his_revoke_key(directory: Path, key_id: str) -> None:
    """停用密钥。 End a key at once."""
    with _core(directory) as core, core.store.database.write() as session:
        core.auth.revoke_his_key(session, key_id)
    tell("server.key-revoked", key_id=key_id)


@cli.group()
def clock() -> None:
    """时钟与时间源。 The clock and its sources."""


@clock.command("status")
@click.argument("directory", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="JSON 格式。 As JSON.")
@click.option("--measure", is_flag=True, help="立即询问各时间源。 Ask each source now.")
@click.option("--svg", type=FILE, help="把测得的偏差与误差界绘成 SVG。 Plot offset and bound to a file.")
def clock_status(directory: Path, as_json: bool, measure: bool, svg: Path | None) -> None:
    """时间状态、误差界与时间源。 State, error bound and sources of the running server's clock."""
    clock_commands.status(load_settings(directory), as_json=as_json, measure=measure, svg=svg)


@clock.command("simulate")
@click.option(
    "--hours", type=click.FloatRange(0.1, 24 * 30), default=72.0, show_default=True, help="断开时长。"
)
@click.option(
    "--training", type=click.FloatRange(1, 24 * 7), default=24.0, show_default=True, help="同步时长。"
)
@click.option(
    "--class",
    "classes",
    type=click.Choice(clock_commands.CLASS_NAMES),
    multiple=True,
    help="振荡器等级，可重复；默认全部。 Oscillator class; default: all.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="随机种子。 Seed.")
@click.option(
    "--runs", type=click.IntRange(1, 1000), default=1, show_default=True, help="次数。 Seeds in a row."
)
@click.option("--jitter-ms", type=click.FloatRange(0, 100), default=0.2, show_default=True, help="网络抖动。")
@click.option("--json", "as_json", is_flag=True, help="JSON 格式。 As JSON.")
@click.option("--svg", type=FILE, help="把误差与误差界绘成 SVG。 Plot error and bound to a file.")
def clock_simulate(**options: Any) -> None:
    """模拟断开时间源后的守时误差。 Simulate how well a clock holds without its sources."""
    clock_commands.run_simulation(**options)


@cli.group()
def keys() -> None:
    """静态密钥保护。 Keys at rest."""


@keys.command("rotate")
@click.argument("directory", type=FOLDER)
@click.option(
    "--new-passphrase-file", type=FILE, required=True, help="新口令文件。 The new passphrase's file."
)
def keys_rotate(directory: Path, new_passphrase_file: Path) -> None:
    """更换口令，全部密钥重新加密。 Wrap all keys anew (stop the server first)."""
    settings = load_settings(directory)
    if is_inside(new_passphrase_file, settings.directory) and not settings.demo:
        raise SetupError("server.passphrase-inside", file=str(new_passphrase_file), folder=str(directory))
    fresh = read_passphrase(new_passphrase_file)
    with server.exclusive(settings), _core(directory) as core, core.store.database.write() as session:
        core.vault.rotate(session, fresh)
        core.store.audit.append(session, AuditKind.KEYS_ROTATED, actor="admin")
    tell("server.keys-rotated", file=new_passphrase_file.resolve())


@cli.group()
def trust() -> None:
    """信任锚。 Trust anchors."""


@trust.command("export")
@click.argument("directory", type=FOLDER)
@click.argument("out", type=FOLDER)
def trust_export(directory: Path, out: Path) -> None:
    """导出根证书（PEM）。 Write the hospital's roots as PEM files."""
    with _core(directory) as core:
        out.mkdir(parents=True, exist_ok=True)
        for role in ("root", "tls-root"):
            certificate = core.hospital.certificate(role)
            path = out / f"{role}-{certificate.fingerprint_sm3.hex()[:12]}.pem"
            path.write_bytes(certificate.pem)
            click.echo(f"{path}  {certificate.subject_text}")
        with core.store.database.write() as session:
            core.store.audit.append(session, AuditKind.TRUST_EXPORTED, actor="admin")


@cli.group()
def audit() -> None:
    """审计日志。 The audit log."""


@audit.command("verify")
@click.argument("directory", type=FOLDER)
@click.option(
    "--checkpoint", "checkpoints", type=FILE, multiple=True, help="终端保存的检查点。 A station's checkpoint."
)
@click.option("--roots", type=FOLDER, help="审计根的导出目录。 The folder that roots were copied to.")
def audit_verify(directory: Path, checkpoints: tuple[Path, ...], roots: Path | None) -> None:
    """核对审计链。 Check the chains, their stamped roots and what others kept of them."""
    from server_stub.app import build_rooms  # all rooms: slow to import, needed here alone

    with _core(directory) as core:
        report = checks.examine_audit(core, build_rooms(core), checkpoints, roots)
    tell("server.audit-read", events=report.events, writers=report.writers, roots=report.roots)
    for finding in report.findings:
        click.echo(f"✗ {finding.text('zh_CN')}\n  {finding.text('en')}")
    if not report.findings:
        tell("server.audit-sound")
    sys.exit(1 if report.findings else 0)


@cli.group()
def svs() -> None:
    """签名验签服务。 The sign/verify service."""


@svs.group("key")
def svs_key() -> None:
    """签名验签密钥。 Its keys."""


@svs_key.command("add")
@click.argument("directory", type=FOLDER)
@click.option("--index", type=click.IntRange(0, 9999), required=True, help="密钥索引。 The key's index.")
@click.option("--name", required=True, help="证书名称。 The certificate's common name.")
@click.option("--algorithm", type=click.Choice(["sm2", "rsa"]), default="sm2", show_default=True)
@click.option("--usage", type=click.Choice(["sign", "encrypt"]), default="sign", show_default=True)
@click.option("--code-file", type=FILE, help="权限标识码文件。 A file with the access code.")
@click.option("--key-file", type=FILE, help="导入的私钥。 A private key made elsewhere.")
@click.option(
    "--certificate-file", type=FILE, help="导入的证书（可含证书链）。 Its certificate, chain behind it."
)
@click.option("--key-passphrase-file", type=FILE, help="私钥口令文件。 The private key's passphrase.")
def svs_key_add(
    directory: Path,
    index: int,
    name: str,
    algorithm: str,
    usage: str,
    code_file: Path | None,
    key_file: Path | None,
    certificate_file: Path | None,
    key_passphrase_file: Path | None,
) -> None:
    """生成密钥并签发证书，或导入已有密钥。 Make a key with its certificate, or take one made elsewhere."""
    from server_stub.svs import commands  # slow to import, needed for these commands alone

    code = _access_code(code_file)
    with _core(directory) as core:
        place = commands.Place(core.store, core.vault, core.hospital, core.settings.directory)
        if key_file is not None and certificate_file is not None:
            secret = read_passphrase(key_passphrase_file) if key_passphrase_file else None
            made = commands.take_key(place, index, name, usage, code, key_file, secret, certificate_file)
        else:
            made = commands.add_key(place, index, name, algorithm, usage, code)
    tell("svs.key-made", index=index, subject=made.subject_text)


@svs_key.command("list")
@click.argument("directory", type=FOLDER)
def svs_key_list(directory: Path) -> None:
    """列出密钥。 List the keys."""
    from server_stub.svs import commands

    with _core(directory) as core:
        place = commands.Place(core.store, core.vault, core.hospital, core.settings.directory)
        for key in commands.list_keys(place):
            until = key.certificate.not_after.strftime("%Y-%m-%d")
            click.echo(f"{key.index:>4}  {key.usage:<8} {key.algorithm:<8} {until}  {key.name}")


@svs.command("test")
@click.argument("directory", type=FOLDER)
@click.option("--target", default="", help="svs.toml 中的外部设备。 An external device of svs.toml.")
@click.option("--key", "index", type=click.IntRange(0, 9999), default=1, show_default=True)
@click.option("--code-file", type=FILE, help="本机密钥的权限标识码文件。 The access code of our own key.")
def svs_test(directory: Path, target: str, index: int, code_file: Path | None) -> None:
    """签名、验签并检查篡改。 Sign, verify, and see that a change is found."""
    from server_stub.svs import commands

    code = _access_code(code_file) if code_file is not None or not target else ""
    with _core(directory) as core:
        place = commands.Place(core.store, core.vault, core.hospital, core.settings.directory)
        results = commands.run_test(place, target, index, code)
    for tested in results:
        if tested.fell_back:
            tell("svs.fell-back")
        for step in tested.steps:
            click.echo(f"{'✓' if step.good else '✗'} {step.name}  {step.detail}".rstrip())
        tell("svs.tested-good" if tested.good else "svs.tested-bad", device=tested.device)
    sys.exit(0 if results[0].good else 1)


@cli.command()
@click.argument("directory", type=FOLDER)
@click.argument("file", type=FILE)
@click.option("--out", type=FILE, required=True, help="输出文件。 Where the signature goes.")
@click.option(
    "--form",
    type=click.Choice(["p1", "p7", "p7-attached", "xml", "ebill"]),
    default="p7",
    show_default=True,
    help="签名形式。 The kind of signature.",
)
@click.option("--key", "index", type=click.IntRange(0, 9999), default=1, show_default=True)
@click.option("--target", default="", help="svs.toml 中的外部设备。 An external device of svs.toml.")
@click.option("--code-file", type=FILE, help="权限标识码文件。 A file with the access code.")
def sign(
    directory: Path, file: Path, out: Path, form: str, index: int, target: str, code_file: Path | None
) -> None:
    """为文件签名。 Sign a file with a key of the sign/verify service."""
    from server_stub.svs import commands

    code = "" if target else _access_code(code_file)
    with _core(directory) as core:
        place = commands.Place(core.store, core.vault, core.hospital, core.settings.directory)
        out.write_bytes(commands.sign_file(place, file.read_bytes(), form, target, index, code))
    tell("svs.file-signed", file=out.resolve())


def main() -> None:
    """The console script: errors become one sentence and exit status 1."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        cli(standalone_mode=True)
    except PenwardError as error:
        _fail(error)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        _fail(SetupError("server.file-refused", file=error.filename or "–", reason=reason))
    finally:
        gc.freeze()  # or the interpreter walks all of it once more, and a stopped server seems to hang


def _fail(error: PenwardError) -> NoReturn:
    click.echo(error.message("zh_CN"), err=True)
    click.echo(error.message("en"), err=True)
    sys.exit(1)


@contextlib.contextmanager
def _core(directory: Path) -> Iterator[Core]:
    settings = load_settings(directory)
    core = opening.load_core(settings, _passphrase(settings))
    try:
        yield core
    finally:
        core.close()


def _passphrase(settings: Settings) -> str:
    if settings.passphrase_path is not None:
        return read_passphrase(settings.passphrase_path)
    if not sys.stdin.isatty():
        raise SetupError("server.passphrase-needed")
    return str(click.prompt(say("server.ask-passphrase", "zh_CN"), hide_input=True, err=True))


def _access_code(file: Path | None) -> str:
    if file is not None:
        return file.read_text(encoding="utf-8").strip()
    if not sys.stdin.isatty():
        raise SetupError("svs.code-needed")
    return str(click.prompt(say("svs.ask-code", "zh_CN"), hide_input=True, err=True))


def _show_secret(content: bytes, out: Path | None) -> None:
    if out is None:
        click.echo(content.decode(), nl=False)
        return
    try:
        write_secret(out, content)
    except FileExistsError as error:
        raise SetupError("server.file-exists", file=str(out)) from error
    tell("server.secret-written", file=out.resolve())
