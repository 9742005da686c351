"""R57, R86: whatever bytes come, a reader ends in a verdict or in its one documented error, soon.

A seeded slice runs with the suite; 200,000 inputs each under the marker `soak`. The guard counts the
processor's time of this process, so that a busy machine does not look like a hang.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from random import Random

import pytest

from signing.cms import (
    CmsError,
    Sm2Opener,
    build_enveloped_data,
    build_signed_data,
    open_envelope,
    parse_envelope,
    verify_signed_data,
)
from signing.pki import (
    CertId,
    Certificate,
    PkiError,
    Profile,
    Reason,
    RevocationData,
    Revoked,
    Scope,
    SingleStatus,
    Sm2Signer,
    Status,
    Usage,
    build_crl,
    build_ocsp_request,
    build_ocsp_response,
    build_request,
    check_revocation,
    oids,
    parse_crl,
    parse_ocsp_request,
    parse_ocsp_response,
    parse_request,
    validate_path,
)
from signing.sm import CiphertextForm, SM2PrivateKey, SmError, der, read_ciphertext, sm3
from signing.tsp import TspError, token_from_response, verify_token
from signing.tsp import build_request as stamp_request
from signing.tsp import parse_request as parse_stamp_request
from tests.signing.pki.forge import (
    Chain,
    alternatives,
    authority,
    constraints,
    inhibit_any,
    leaf,
    mappings,
    policies,
    policy_constraints,
    root,
)
from tests.support.certificates import NOON, TestPki
from tests.support.mutate import mutated

DAY = timedelta(days=1)
SLICE, SOAK = 400, 200_000
CONTENT = b"content"
TOO_LONG_S = 1.0


class Hang(BaseException):
    """No reader catches this one."""


@dataclass(frozen=True)
class Target:
    """Good inputs of one reader, what is done with one, and the only error that may come out."""

    seeds: list[bytes]
    read: Callable[[bytes], None]
    error: type[Exception]


@cache
def pki() -> TestPki:
    return TestPki()


@cache
def secret() -> SM2PrivateKey:
    return SM2PrivateKey.generate()


def certificates() -> Target:
    """Certificates and requests; what can be read is judged."""
    p1, p2 = "1.3.6.1.4.1.32473.1", "1.3.6.1.4.1.32473.2"
    names = [("dns", "a.test"), ("email", "a@a.test"), ("uri", "https://a.test/"), ("ip", "0a000001")]
    extended = authority(
        path_length=2,
        extensions=[
            constraints(
                [("dns", "test"), ("ip", "0a000000ff000000"), ("dir", "C=CN")], [("email", "b.test")]
            ),
            policies(p1, p2),
            mappings((p1, p2)),
            policy_constraints(1, 1),
            inhibit_any(1),
        ],
    )
    *above, signer = Chain(
        "sm2", [root(), extended, leaf(extensions=[alternatives(*names), policies(p2)])]
    ).certificates
    curve = TestPki("ec-p256")
    seeds = [signer.der, above[1].der, pki().tsa.der, pki().event(pki().staff_key).der, curve.staff.der]
    seeds.append(build_request([("CN", "x")], pki().staff_key, san=["a.test"]))

    def read(data: bytes) -> None:
        try:
            request = parse_request(data)
            assert request.subject_text is not None
            request.verify()
        except PkiError:
            pass
        certificate = Certificate.from_der(data)
        assert repr(certificate) and certificate.pem and certificate.issuer_text is not None
        for chain in ((above[1],), (certificate,)):
            start = certificate if chain[0] == above[1] else signer
            result = validate_path(
                start, chain, [above[0], pki().root], at=NOON, usage=Usage.ANY, policies=frozenset({p1})
            )
            assert all(check.text("en") for check in result.checks)

    return Target(seeds, read, PkiError)


def signed_messages() -> Target:
    """SignedData and envelopes."""
    made = pki()
    common = {"signer": made.staff_key, "certificate": made.staff, "chain": [made.ca]}
    holder = made.issue(Profile.STAFF_ENCRYPT, "收件人", Sm2Signer(secret()))
    seeds = [
        build_signed_data(CONTENT, **common, dialect="gbt35275"),  # type: ignore[arg-type]
        build_signed_data(CONTENT, **common, signing_time=NOON),  # type: ignore[arg-type]
        build_signed_data(CONTENT, **common, timestamp=made.authority().stamp),  # type: ignore[arg-type]
        build_enveloped_data(CONTENT, [holder], dialect="gbt35275"),
        build_enveloped_data(CONTENT, [holder], name_by_key_id=True),
    ]

    def read(data: bytes) -> None:
        with suppress(CmsError):
            open_envelope(parse_envelope(data), Sm2Opener(secret()))
        results = verify_signed_data(data, anchors=[made.root], at=NOON, revocation=RevocationData())
        for result in results:
            assert all(check.text("en") for check in result.checks)

    return Target(seeds, read, CmsError)


def time_stamps() -> Target:
    """Requests, responses, tokens."""
    authority_ = pki().authority()
    request = stamp_request(sm3(CONTENT), nonce=7)
    seeds = [authority_.respond(request), authority_.token(CONTENT), request]

    def read(data: bytes) -> None:
        authority_.respond(data)
        with suppress(TspError):
            parse_stamp_request(data)
        assert verify_token(data, CONTENT, anchors=[pki().root]).checks
        token = token_from_response(data, nonce=7)
        assert verify_token(token, CONTENT, anchors=[pki().root]).checks

    return Target(seeds, read, TspError)


def revocation() -> Target:
    """OCSP requests and responses, and lists."""
    made = pki()
    wanted = CertId.of(made.staff.serial, made.ca)
    singles = [
        SingleStatus(wanted, Status.GOOD, NOON - DAY, NOON + DAY),
        SingleStatus(CertId.of(6, made.ca, oids.SM3), Status.REVOKED, NOON, None, NOON, Reason.SUPERSEDED),
    ]
    window = {"this_update": NOON - DAY, "next_update": NOON + DAY}
    signing = {"issuer": made.ca, "issuer_signer": made.ca_key, "number": 3}
    lost = [Revoked(made.staff.serial, NOON, Reason.KEY_COMPROMISE, NOON), Revoked(9, NOON)]
    partition = Scope(frozenset({b"http://a.test/"}), only_user=True)
    seeds = [
        build_ocsp_request([wanted], nonce=b"n" * 16),
        build_ocsp_response(
            responder=made.ca, signer=made.ca_key, statuses=singles, produced_at=NOON, nonce=b"n" * 16
        ),
        build_ocsp_response(
            responder=made.tsa, signer=made.tsa_key, statuses=singles, produced_at=NOON, chain=[made.tsa]
        ),
        build_crl(**signing, **window, revoked=lost),  # type: ignore[arg-type]
        build_crl(**signing, **window, base_number=1, scope=partition),  # type: ignore[arg-type]
    ]

    def read(data: bytes) -> None:
        for parse in (parse_ocsp_request, parse_crl):
            try:
                parsed = parse(data)
            except PkiError:
                continue
            if hasattr(parsed, "find"):
                check = check_revocation(made.staff, made.ca, NOON, RevocationData((parsed,)))
                assert check.text("en")
                with suppress(PkiError):
                    list(parsed)
        answer = parse_ocsp_response(data)
        assert check_revocation(made.staff, made.ca, NOON, RevocationData((), (answer,))).text("en")

    return Target(seeds, read, PkiError)


def ciphertexts() -> Target:
    """SM2 ciphertexts in every form, and enveloped keys."""
    reading = read_ciphertext(secret().public_key.encrypt(CONTENT))[0]
    # Raw forms ride in an OCTET STRING so that they can be taken apart; the reader gets them bare.
    seeds = [der.octet_string(reading.to_form(form)) for form in CiphertextForm]
    seeds += [reading.to_der(), SM2PrivateKey.generate().to_enveloped_key(secret().public_key)]

    def read(data: bytes) -> None:
        with suppress(SmError):
            SM2PrivateKey.from_enveloped_key(data, secret())
        bare = data
        if data[:1] == b"\x04" and len(data) > 2 and data[1] == len(data) - 2:
            bare = data[2:]
        secret().decrypt_any(bare)

    return Target(seeds, read, SmError)


TARGETS = {
    "certificate": certificates,
    "cms": signed_messages,
    "tsp": time_stamps,
    "ocsp": revocation,
    "sm2-ciphertext": ciphertexts,
}


@contextmanager
def guard() -> Iterator[Callable[[], None]]:
    """Raise `Hang` when one input takes a second of processor time (where the system can tell)."""
    if not hasattr(signal, "setitimer"):
        yield lambda: None
        return

    def hang(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGVTALRM, hang)
    try:
        yield lambda: signal.setitimer(signal.ITIMER_VIRTUAL, TOO_LONG_S) and None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def attack(target: Target, count: int, seed: int) -> tuple[int, int]:
    """(how many were DER on the outside, how many ended in a verdict) of `count` damaged inputs."""
    random = Random(seed)
    whole = verdicts = 0
    with guard() as start:
        for number in range(count):
            data = mutated(target.seeds, random)
            try:
                der.read_one(data)
                whole += 1
            except SmError:
                pass
            start()
            try:
                target.read(data)
                verdicts += 1
            except target.error:
                pass
            except (Exception, Hang) as error:
                raise AssertionError(f"input {number} of seed {seed}: {data.hex()}") from error
    return whole, verdicts


@pytest.mark.parametrize("name", TARGETS)
def test_a_slice(name: str) -> None:
    whole, verdicts = attack(TARGETS[name](), SLICE, 20260601)
    assert whole > SLICE // 3
    assert verdicts


@pytest.mark.soak
@pytest.mark.parametrize("name", TARGETS)
def test_the_full_count(name: str) -> None:
    whole, verdicts = attack(TARGETS[name](), SOAK, 7)
    print(f"\n{name}: {SOAK} inputs, {whole} DER on the outside, {verdicts} ended in a verdict")
    assert whole > SOAK // 2
