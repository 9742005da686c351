"""R60: published vectors: GM/T 0003, 0004, 0042, RFC 8998, Wycheproof, Tongsuo, gmsm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from signing.sm import (
    SM2PrivateKey,
    SM2PublicKey,
    SmError,
    der,
    encode_signature,
    hmac_sm3,
    message_digest,
    sm3,
    sm4_gcm_decrypt,
    sm4_gcm_encrypt,
)
from signing.sm.encoding import private_key_info
from signing.sm.keys import za


@pytest.fixture(scope="module")
def gm(shared_testdata: Path) -> Path:
    return shared_testdata / "gm"


def test_the_examples_of_the_standards(gm: Path) -> None:
    vectors = json.loads((gm / "official_recomputed.json").read_text())
    sm2 = vectors["sm2"]
    point = bytes.fromhex("04" + sm2["px"] + sm2["py"])
    assert za(point).hex() == sm2["za"]
    assert message_digest(point, sm2["msg"].encode()).hex() == sm2["e"]
    key = SM2PrivateKey.from_pkcs8(private_key_info(bytes.fromhex(sm2["d"])))
    assert key.public_key == SM2PublicKey(point)
    assert key.public_key.verify(encode_signature(int(sm2["r"], 16), int(sm2["s"], 16)), sm2["msg"].encode())
    ciphertext = der.sequence(
        der.integer(int(sm2["C1"][2:66], 16)),
        der.integer(int(sm2["C1"][66:], 16)),
        der.octet_string(bytes.fromhex(sm2["C3"])),
        der.octet_string(bytes.fromhex(sm2["C2"])),
    )
    assert key.decrypt(ciphertext) == sm2["enc_msg"].encode()
    assert sm3(b"abc").hex() == vectors["sm3"]["abc"]
    assert sm3(b"abcd" * 16).hex() == vectors["sm3"]["abcd*16"]


def test_wycheproof_hmac(gm: Path) -> None:
    for group in json.loads((gm / "wycheproof" / "hmac_sm3_test.json").read_text())["testGroups"]:
        for case in group["tests"]:
            tag = hmac_sm3(bytes.fromhex(case["key"]), bytes.fromhex(case["msg"]))[: group["tagSize"] // 8]
            assert (tag.hex() == case["tag"]) == (case["result"] == "valid"), case["tcId"]


def test_wycheproof_gcm(gm: Path) -> None:
    """Nonces of other lengths than 12 bytes are refused, whatever the vector says."""
    for group in json.loads((gm / "wycheproof" / "sm4_gcm_test.json").read_text())["testGroups"]:
        for case in group["tests"]:
            key, nonce, aad = (bytes.fromhex(case[name]) for name in ("key", "iv", "aad"))
            sealed, plaintext = bytes.fromhex(case["ct"] + case["tag"]), bytes.fromhex(case["msg"])
            if len(nonce) != 12 or case["result"] != "valid":
                with pytest.raises(SmError):
                    sm4_gcm_decrypt(key, nonce, sealed, aad)
            else:
                assert sm4_gcm_decrypt(key, nonce, sealed, aad) == plaintext
                assert sm4_gcm_encrypt(key, nonce, plaintext, aad) == sealed


def test_openssl_digests_and_macs(gm: Path) -> None:
    for case in _cases(gm / "openssl" / "evpmd_sm3.txt"):
        if case.get("Digest") == "SM3":
            assert sm3(_value(case["Input"])).hex() == case["Output"].lower()
    count = 0
    for case in _cases(gm / "openssl" / "evpmac_sm3.txt"):
        assert hmac_sm3(_value(case["Key"]), _value(case["Input"])).hex() == case["Output"].lower()
        count += 1
    assert count >= 3


def test_rfc8998_gcm(gm: Path) -> None:
    cases = [c for c in _cases(gm / "openssl" / "evpciph_sm4.txt") if c.get("Cipher") == "SM4-GCM"]
    assert cases
    for case in cases:
        key, nonce, aad, plain = (_value(case[name]) for name in ("Key", "IV", "AAD", "Plaintext"))
        assert sm4_gcm_encrypt(key, nonce, plain, aad) == _value(case["Ciphertext"]) + _value(case["Tag"])


def test_openssl_sm2(gm: Path) -> None:
    path = gm / "openssl" / "evppkey_sm2.txt"
    key = SM2PrivateKey.from_pkcs8(path.read_bytes())
    seen = set()
    for case in _cases(path):
        if case.get("Ctrl", "digest:SM3") != "digest:SM3" or "Result" in case:
            continue
        if "Verify" in case:
            assert key.public_key.verify_digest(_value(case["Output"]), _value(case["Input"]))
            seen.add("verify")
        elif "Decrypt" in case:
            assert key.decrypt(_value(case["Input"])) == _value(case["Output"])
            seen.add("decrypt")
    assert seen == {"verify", "decrypt"}


def test_keys_of_others(gm: Path) -> None:
    """PKCS#8, SEC 1 and `SM2 PRIVATE KEY`, with and without parameters."""
    files = sorted((gm / "openssl" / "certs").glob("*.key")) + sorted(
        (gm / "openssl" / "certs").glob("*-key.pem")
    )
    private = [path for path in files if b"PRIVATE KEY" in path.read_bytes()]
    assert len(private) >= 9
    for path in private:
        key = SM2PrivateKey.from_pkcs8(path.read_bytes())
        assert key.public_key.verify(key.sign(b"x"), b"x"), path.name


@pytest.mark.parametrize("number", [3, 4, 5, 6])
def test_encrypted_keys_of_gmsm(gm: Path, number: int) -> None:
    data = (gm / "gmsm" / f"pkcs8_example_test__0{number}_ENCRYPTED_PRIVATE_KEY.pem").read_bytes()
    assert SM2PrivateKey.from_pkcs8(data, "Password1").public_key
    with pytest.raises(SmError):
        SM2PrivateKey.from_pkcs8(data, "Password2")


def _cases(path: Path) -> Iterator[dict[str, str]]:
    for block in path.read_text().split("\n\n"):
        pairs = (line.partition("=") for line in block.splitlines() if " = " in line and line[0] != "#")
        case = {name.strip(): value.strip() for name, _, value in pairs}
        if "Input" in case or "Plaintext" in case:
            yield case


def _value(text: str) -> bytes:
    return text[1:-1].encode() if text.startswith('"') else bytes.fromhex(text)
