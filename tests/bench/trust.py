"""Measures trust: `python tests/bench/trust.py [--rounds N] [--seconds S]`.

Prints, in one run, medians of several rounds in turn: SM2 sign and verify of our API beside `openssl
speed`, gmssl_pyx (GmSSL in C) and gmssl (pure Python); SM3 and SM4 beside `openssl speed`; time stamp
tokens in this process beside raw SM2 signing and beside a token built with asn1crypto; certificates,
OCSP responses, and a revocation list of 100,000 entries.

What is cached between calls: the loaded key (EVP_PKEY) of our API and nothing else; ZA and e are made anew.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

MESSAGE = b"m" * 256
BLOCK = 64 * 1024
Rate = Callable[[float], float]


def main() -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of which the median is taken (5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each measurement (1)")
    options = parser.parse_args()
    sm2(options.rounds, options.seconds)
    bulk(options.rounds, options.seconds)
    tokens(options.rounds, options.seconds)
    lists()
    return 0


def sm2(rounds: int, seconds: float) -> None:
    """Sign and verify."""
    import gmssl_pyx
    from gmssl import sm2 as pure

    from signing.sm import SM2PrivateKey, SM2PublicKey, der
    from signing.sm.backend import default_backend
    from signing.sm.known_answers import POINT, D

    key = SM2PrivateKey(default_backend(), D, POINT)
    public = SM2PublicKey(POINT)
    value = key.sign(MESSAGE)
    plain = pure.CryptSM2(D.hex(), POINT[1:].hex(), mode=1, asn1=True)
    theirs = plain.sign_with_sm3(MESSAGE)
    print(
        f"backend of our API: {default_backend().name}; DER of the value {len(der.read_one(value).raw)} bytes"
    )
    table(
        "SM2 sign, /s",
        rounds,
        seconds,
        {
            "our API": rate(lambda: key.sign(MESSAGE)),
            "openssl speed": openssl_sm2(0),
            "gmssl_pyx": rate(lambda: gmssl_pyx.sm2_sign(D, POINT[1:], MESSAGE)),
            "gmssl": rate(lambda: plain.sign_with_sm3(MESSAGE)),
        },
    )
    table(
        "SM2 verify, /s",
        rounds,
        seconds,
        {
            "our API": rate(lambda: public.verify(value, MESSAGE)),
            "openssl speed": openssl_sm2(1),
            "gmssl_pyx": rate(lambda: gmssl_pyx.sm2_verify(POINT[1:], MESSAGE, value)),
            "gmssl": rate(lambda: plain.verify_with_sm3(theirs, MESSAGE)),
        },
    )
    secret = b"k" * 16
    sealed = public.encrypt(secret)
    table(
        "SM2 encrypt and decrypt of 16 bytes, /s",
        rounds,
        seconds,
        {
            "our encrypt": rate(lambda: public.encrypt(secret)),
            "our decrypt": rate(lambda: key.decrypt(sealed)),
        },
    )


def bulk(rounds: int, seconds: float) -> None:
    """SM3 and SM4 over blocks of 64 KiB."""
    import gmssl_pyx

    from signing.sm import sm3, sm4_cbc_encrypt, sm4_gcm_encrypt

    data, key, nonce = bytes(BLOCK), bytes(16), bytes(12)
    scale = BLOCK / 1e6
    table(
        "SM3, MB/s",
        rounds,
        seconds,
        {
            "our API": rate(lambda: sm3(data), scale),
            "openssl speed": openssl_bulk("sm3"),
            "gmssl_pyx": rate(lambda: gmssl_pyx.sm3_hash(data), scale),
        },
    )
    table(
        "SM4, MB/s",
        rounds,
        seconds,
        {
            "our CBC": rate(lambda: sm4_cbc_encrypt(key, nonce + bytes(4), data), scale),
            "openssl speed CBC": openssl_bulk("sm4-cbc"),
            "our GCM": rate(lambda: sm4_gcm_encrypt(key, nonce, data), scale),
            "openssl speed GCM": openssl_bulk("sm4-gcm"),
        },
    )


def tokens(rounds: int, seconds: float) -> None:
    """What is built around one signature."""
    from signing.pki import CertId, Profile, SingleStatus, Status, build_ocsp_response
    from signing.sm import sm3
    from signing.tsp import build_request
    from tests.support.certificates import TestPki, new_signer

    pki = TestPki()
    authority = pki.authority()
    request = build_request(sm3(MESSAGE), nonce=1)
    serials = count(1)
    spki = new_signer()
    single = SingleStatus(CertId.of(5, pki.ca), Status.GOOD, pki.now, pki.now + timedelta(days=1))
    table(
        "one SM2 signature each, /s",
        rounds,
        seconds,
        {
            "time stamp": rate(lambda: authority.respond(request)),
            "raw SM2 sign": rate(lambda: pki.tsa_key.sign(MESSAGE)),
            "time stamp by asn1crypto": rate(lambda: asn1crypto_token(pki, next(serials))),
            "certificate": rate(lambda: pki.issue(Profile.STAFF_SIGN, "李", spki)),
            "OCSP response": rate(
                lambda: build_ocsp_response(
                    responder=pki.ca, signer=pki.ca_key, statuses=[single], produced_at=pki.now
                )
            ),
        },
    )
    print("  (a certificate and an OCSP response are also verified before they leave)")


def asn1crypto_token(pki: object, serial: int) -> bytes:
    """The same token as our authority's, put together with asn1crypto's objects."""
    from asn1crypto import algos, cms, core, tsp, x509

    from signing.cms.attributes import algorithm_protection, signing_certificate
    from signing.pki import oids, register_names
    from signing.sm import der, sm3

    register_names()
    certificate = x509.Certificate.load(pki.tsa.der)  # type: ignore[attr-defined]
    sm3_name = algos.DigestAlgorithm({"algorithm": "sm3"})
    info = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": "1.2.3.4",
            "message_imprint": {"hash_algorithm": sm3_name, "hashed_message": sm3(MESSAGE)},
            "serial_number": serial,
            "gen_time": datetime.now(UTC),
            "accuracy": {"seconds": 1},
            "nonce": 1,
        }
    )
    content = info.dump()
    signature_name = algos.SignedDigestAlgorithm({"algorithm": "sm3_sm2"})
    identifier = der.sequence(der.oid(oids.SM2_WITH_SM3))
    bound = tsp.SigningCertificateV2.load(signing_certificate(pki.tsa, oids.SM3))  # type: ignore[attr-defined]
    guarded = cms.CMSAlgorithmProtection.load(
        algorithm_protection(der.sequence(der.oid(oids.SM3)), identifier)
    )
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "message_digest", "values": [sm3(content)]},
            {"type": "signing_certificate_v2", "values": [bound]},
            {"type": "cms_algorithm_protection", "values": [guarded]},
        ]
    )
    value = pki.tsa_key.sign(attributes.dump())  # type: ignore[attr-defined]
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                {"issuer": certificate.issuer, "serial_number": certificate.serial_number},
            ),
            "digest_algorithm": sm3_name,
            "signed_attrs": attributes,
            "signature_algorithm": signature_name,
            "signature": value,
        }
    )
    signed = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [sm3_name],
            "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
            "certificates": [certificate],
            "signer_infos": [signer],
        }
    )
    token: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
    return token


def lists() -> None:
    """A revocation list of 100,000 entries."""
    from signing.pki import Reason, Revoked, build_crl, parse_crl
    from tests.support.certificates import NOON, TestPki

    pki = TestPki()
    entries = [Revoked((serial << 90) + 1, NOON, Reason.SUPERSEDED) for serial in range(1, 100_001)]
    begin = time.perf_counter()
    data = build_crl(
        issuer=pki.ca,
        issuer_signer=pki.ca_key,
        number=1,
        this_update=NOON,
        next_update=NOON + timedelta(days=1),
        revoked=entries,
    )
    made = time.perf_counter()
    crl = parse_crl(data)
    assert crl.is_signed_by(pki.ca)
    read = time.perf_counter()
    assert crl.find(entries[-1].serial) is not None
    found = time.perf_counter()
    assert crl.find(entries[0].serial) is not None
    again = time.perf_counter()
    print(f"\nCRL of 100,000 entries, {len(data) / 1e6:.1f} MB")
    for label, span in (
        ("built and signed", made - begin),
        ("read, signature verified", read - made),
        ("first look-up (index built)", found - read),
        ("next look-up", again - found),
    ):
        print(f"  {label:<40}{span * 1000:12.2f} ms")


def rate(call: Callable[[], object], scale: float = 1.0) -> Rate:
    """How often a second of processor time `call` runs, times `scale`; `openssl speed` counts so too."""

    def measure(seconds: float) -> float:
        call()
        begin, done = time.process_time(), 0
        while (span := time.process_time() - begin) < seconds:
            call()
            done += 1
        return done * scale / span

    return measure


def openssl_sm2(column: int) -> Rate:
    """The figure of `openssl speed sm2`: 0 sign, 1 verify."""

    def measure(seconds: float) -> float:
        text = speed("-seconds", str(max(1, round(seconds))), "sm2")
        found = re.search(r"SM2.*?s\s+[\d.]+s\s+([\d.]+)\s+([\d.]+)", text)
        return float(found[column + 1]) if found else 0.0

    return measure


def openssl_bulk(name: str) -> Rate:
    """MB/s of `openssl speed -evp` over 64 KiB."""

    def measure(seconds: float) -> float:
        text = speed("-seconds", str(max(1, round(seconds))), "-bytes", str(BLOCK), "-evp", name)
        found = re.search(r"([\d.]+)k\s*$", text)
        return float(found[1]) / 1000 if found else 0.0

    return measure


def speed(*arguments: str) -> str:
    """The output of `openssl speed`, empty where it cannot."""
    if shutil.which("openssl") is None:
        return ""
    done = subprocess.run(["openssl", "speed", *arguments], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def table(title: str, rounds: int, seconds: float, columns: dict[str, Rate]) -> None:
    """Medians of `rounds`, each round measuring every column in turn, and the ratio to the second column."""
    found: dict[str, list[float]] = {name: [] for name in columns}
    for _ in range(rounds):
        for name, measure in columns.items():
            found[name].append(measure(seconds))
    medians = {name: statistics.median(values) for name, values in found.items()}
    reference = list(medians)[1]
    print(f"\n{title} (median of {rounds}, ratio to {reference})")
    for name, value in medians.items():
        ratio = value / medians[reference] if medians[reference] else 0.0
        shown = f"{value:12.1f}{ratio:10.2f}" if value else f"{'·':>12}"
        print(f"  {name:<40}{shown}")


if __name__ == "__main__":
    sys.exit(main())
