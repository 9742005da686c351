"""An external device in our own's place (R1), the commands, envelopes (R34): with a second instance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server_stub.cli import cli
from server_stub.errors import SetupError
from server_stub.svs import keys
from server_stub.svs.codes import Reply
from server_stub.svs.config import Target, load_config
from server_stub.svs.devices import HttpDevice, examine, open_target
from server_stub.svs.errors import SvsFault
from server_stub.svs.making import make_key
from signing.cms import Sm2Opener, open_envelope, parse_envelope, verify_signed_data
from signing.pki import Certificate, load_anchors
from signing.verdict import Outcome
from tests.server_stub.svs.conftest import CODE, RSA, SM2, Svs, unb64
from tests.support.served import ServedHospital


def configure(folder: Path, served: ServedHospital, tmp_path: Path, form: str = "form", key: int = 1) -> None:
    """`svs.toml` of a hospital with the second instance as `ext`, and a port where nobody listens."""
    code = tmp_path / "code"
    code.write_text(CODE, encoding="utf-8")
    path = "SignServerJson" if form == "vendor" else "svs"
    lines = [
        "[targets.ext]",
        f'url = "{served.http.base}/{path}"',
        f"key_index = {key}",
        f'form = "{form}"',
        f'access_code_file = "{code}"',
        f'caller_key_file = "{served.folder / "secrets" / "his-demo.json"}"',
        "[targets.gone]",
        'url = "http://127.0.0.1:9/svs"',
        "key_index = 1",
    ]
    (folder / "svs.toml").write_text("\n".join(lines), encoding="utf-8")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(item) for item in arguments])


@pytest.mark.parametrize(("form", "key"), [("form", 1), ("json", 2), ("vendor", 1)])
def test_a_foreign_device_signs_and_verifies(
    served: ServedHospital, svs_folder: Path, tmp_path: Path, form: str, key: int
) -> None:
    """R1: every form; what it signed is checked by our own code too."""
    configure(svs_folder, served, tmp_path, form, key)
    config = load_config(svs_folder)
    device, code = open_target("ext", config.targets["ext"], svs_folder, config.table)
    steps = examine(device, key, code)
    assert [step.name for step in steps if not step.good] == []
    assert len(steps) == 5


def test_the_command_tests_a_target_and_falls_back(
    served: ServedHospital, svs_folder: Path, tmp_path: Path
) -> None:
    """R1: `svs test --target`; a device that is gone is told, and our own service is tested in its place."""
    configure(svs_folder, served, tmp_path)
    good = run("svs", "test", svs_folder, "--target", "ext")
    assert good.exit_code == 0, good.output
    assert "✗" not in good.output
    gone = run("svs", "test", svs_folder, "--target", "gone", "--code-file", tmp_path / "code")
    assert gone.exit_code == 1
    assert "svs.server-connect" in gone.output
    assert "已改测本机服务" in gone.output
    assert gone.output.count("✓") == 5
    own = run("svs", "test", svs_folder, "--code-file", tmp_path / "code")
    assert own.exit_code == 0, own.output


def test_a_file_is_signed_here_and_there(served: ServedHospital, svs_folder: Path, tmp_path: Path) -> None:
    configure(svs_folder, served, tmp_path)
    file, out = tmp_path / "report.txt", tmp_path / "report.p7s"
    file.write_bytes(b"report")
    trust = tmp_path / "trust"
    assert run("trust", "export", svs_folder, trust).exit_code == 0
    for further in (("--code-file", tmp_path / "code"), ("--target", "ext")):
        done = run("sign", svs_folder, file, "--out", out, "--form", "p7", *further)
        assert done.exit_code == 0, done.output
        anchors = load_anchors(trust)
        core_chain = [Certificate.from_der(item) for item in issued_chain(svs_folder)]
        for result in verify_signed_data(
            out.read_bytes(), content=b"report", anchors=anchors, extra_certificates=core_chain
        ):
            assert result.outcome <= Outcome.NOTE


def issued_chain(folder: Path) -> list[bytes]:
    from server_stub.app import load_core
    from server_stub.config import load_settings
    from server_stub.setup import read_passphrase

    core = load_core(load_settings(folder), read_passphrase(folder / "secrets" / "passphrase"))
    found = [item.der for item in core.hospital.issued_chain]
    core.close()
    return found


def test_keys_are_added_and_listed(svs_folder: Path, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.write_text(CODE, encoding="utf-8")
    add = ("svs", "key", "add", svs_folder, "--index", 7, "--name", "检验科", "--code-file", code)
    assert run(*add).exit_code == 0
    assert run(*add, "--usage", "encrypt").exit_code == 0
    again = run(*add)
    assert isinstance(again.exception, Exception)
    listed = run("svs", "key", "list", svs_folder).output.splitlines()
    assert [line.split()[:3] for line in listed] == [
        ["1", "sign", "sm2"],
        ["2", "sign", "rsa"],
        ["7", "sign", "sm2"],
        ["7", "encrypt", "sm2"],
    ]


def test_envelopes(svs: Svs, monkeypatch: pytest.MonkeyPatch) -> None:
    """R34 信封: SM2 and RSA recipients; another key, and a changed envelope, open nothing."""
    core = svs.server.core
    with core.store.database.write() as session:
        for index, algorithm in ((1, "sm2"), (2, "rsa")):
            make_key(
                session,
                core.store,
                core.vault,
                core.hospital,
                index=index,
                name=f"测试加密 {index}",
                algorithm=algorithm,
                code=CODE,
                usage="encrypt",
            )
    monkeypatch.setattr(keys, "LOOK_AGAIN_S", 0.0)
    for index in (1, 2):
        svs.form("GenRandomData", len=1)
        made = svs.form("envelopeEnc", certID=index, data=b"secret")
        assert made["respValue"] == "0"
        envelope = unb64(made["envelopedData"])
        opening = {"keyIndex": index, "keyValue": CODE}
        assert unb64(svs.form("envelopeDec", **opening, envelopedData=envelope)["data"]) == b"secret"
        assert svs.form("envelopeDec", keyIndex=3 - index, keyValue=CODE, envelopedData=envelope)[
            "respValue"
        ] == str(0x0400000D)
        broken = envelope[:-1] + bytes([envelope[-1] ^ 1])
        answer = svs.form("envelopeDec", **opening, envelopedData=broken)
        assert answer["respValue"] == str(0x0400000D) or unb64(answer["data"]) != b"secret"
    wrong = svs.form("envelopeEnc", cert=svs.certificate(SM2), data=b"x")
    assert wrong["respValue"] == str(0x04000007), "a signing certificate is not for encryption"
    assert svs.form("envelopeDec", keyIndex=1, keyValue="no-such-code", envelopedData=b"x")[
        "respValue"
    ] == str(0x04000006)
    assert svs.form("SignData", **svs.key(RSA), inData=b"x")["respValue"] == "0"
    private = core.hospital.private_key("encryption")
    cert = core.hospital.certificate("encryption")
    made = svs.form("envelopeEnc", cert=cert.der, data=b"for the hospital")
    opened = open_envelope(parse_envelope(unb64(made["envelopedData"])), Sm2Opener(private), cert)
    assert opened.content == b"for the hospital"


class Scripted:
    """A device that answers what it is told to."""

    def __init__(self, status: int, content: bytes) -> None:
        self.status_code, self.content = status, content

    def post(self, url: str, **_: object) -> Scripted:
        return self


@pytest.mark.parametrize(
    ("status", "content", "form", "reply"),
    [
        (200, b'{"respValue": 67108869}', "json", Reply.KEY_INDEX),
        (200, b'{"respValue": "0x04000006"}', "json", Reply.KEY_VALUE),
        (200, b'{"respond": "{\\"respValue\\": 67108876}"}', "vendor", Reply.INVALID_SIGNATURE),
        (200, b"respValue=99", "form", Reply.UNKNOWN),
        (200, b"", "form", Reply.UNKNOWN),
        (200, b"[]", "json", Reply.SERVER_CONNECT),
        (302, b"", "form", Reply.SERVER_CONNECT),
        (200, b"respValue=0&signature=%%%", "form", Reply.SERVER_CONNECT),
    ],
)
def test_what_a_device_may_answer(status: int, content: bytes, form: str, reply: Reply) -> None:
    target = Target(url="http://127.0.0.1:9/svs", key_index=1, form=form)
    device = HttpDevice("ext", target, session=Scripted(status, content))
    with pytest.raises(SvsFault) as refused:
        device.call("SignData", {"keyIndex": 1, "inData": b"x"})
    assert refused.value.reply is reply


@pytest.mark.parametrize(
    "text", ["journal = 'never'", "[codes]\nnonsense = 5", "[targets.a]\nurl = 'ftp://x'\nkey_index = 1", "="]
)
def test_wrong_settings_are_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "svs.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SetupError) as refused:
        load_config(tmp_path)
    assert refused.value.code == "svs.config-wrong"


def test_a_site_overrides_codes_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "svs.toml").write_text("[codes]\nparameters = 0x04000010\n", encoding="utf-8")
    assert load_config(tmp_path).table.number(Reply.PARAMETERS) == 0x04000010
    assert json.loads(load_config(tmp_path).model_dump_json())["journal"] == "wait"
