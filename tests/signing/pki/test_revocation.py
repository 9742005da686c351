"""R43, R44, R81: lists, OCSP answers and requests are written, read back, and judged with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from signing.pki import (
    CertId,
    Certificate,
    PathResult,
    PkiError,
    Profile,
    Reason,
    RevocationData,
    Revoked,
    Scope,
    SingleStatus,
    Status,
    Usage,
    build_crl,
    build_ocsp_request,
    build_ocsp_response,
    build_request,
    distribution_points,
    ocsp_refusal,
    oids,
    parse_crl,
    parse_ocsp_request,
    parse_ocsp_response,
    parse_request,
    validate_path,
)
from signing.sm import check_der, der
from signing.verdict import CheckName, Outcome
from tests.support.certificates import NOON, YEAR, TestPki, new_signer

DAY = timedelta(days=1)
POINT = "http://pki.hospital.test/staff.crl"


@pytest.fixture(scope="module", params=["sm2", "rsa", "ec-p256"])
def pki(request: pytest.FixtureRequest) -> TestPki:
    return TestPki(request.param)


@pytest.fixture(scope="module")
def sm2() -> TestPki:
    return TestPki()


def a_list(pki: TestPki, *revoked: Revoked, **options: object) -> bytes:
    """A list of the issuing CA, current at NOON unless said otherwise."""
    settings: dict[str, object] = {"number": 7, "this_update": NOON - DAY, "next_update": NOON + DAY}
    return build_crl(
        issuer=pki.ca,
        issuer_signer=pki.ca_key,
        revoked=revoked,
        **(settings | options),  # type: ignore[arg-type]
    )


def judge(pki: TestPki, data: RevocationData, certificate: Certificate | None = None) -> PathResult:
    return validate_path(certificate or pki.staff, [], [pki.ca], at=NOON, usage=Usage.ANY, revocation=data)


def reason(result: PathResult) -> tuple[str, Outcome]:
    (check,) = [check for check in result.checks if check.name is CheckName.REVOCATION]
    assert check.text("en") != check.reason
    return check.reason, check.outcome


def answer(pki: TestPki, status: Status = Status.GOOD, **options: object) -> bytes:
    """An OCSP answer about the staff certificate by the CA itself."""
    single: dict[str, object] = {"this_update": NOON - DAY, "next_update": NOON + DAY}
    single |= {key: options.pop(key) for key in list(options) if key in SingleStatus.__slots__}
    settings: dict[str, object] = {"responder": pki.ca, "signer": pki.ca_key, "produced_at": NOON - DAY}
    return build_ocsp_response(
        statuses=[SingleStatus(CertId.of(pki.staff.serial, pki.ca), status, **single)],  # type: ignore[arg-type]
        **(settings | options),  # type: ignore[arg-type]
    )


def test_a_list_is_read_back(pki: TestPki) -> None:
    entries = [
        Revoked(5, NOON - DAY, Reason.KEY_COMPROMISE, NOON - 2 * DAY),
        Revoked(3, NOON - DAY),
        Revoked(2**126, NOON - DAY, Reason.CERTIFICATE_HOLD),
    ]
    data = a_list(pki, *entries)
    check_der(data)
    crl = parse_crl(data)
    assert (crl.number, crl.base_number, crl.scope) == (7, None, Scope())
    assert sorted(crl, key=lambda e: e.serial) == sorted(entries, key=lambda e: e.serial)
    assert (crl.find(3), crl.find(4), crl.count) == (entries[1], None, 3)
    assert crl.is_signed_by(pki.ca) and not crl.is_signed_by(pki.root)
    assert crl.issuer_text == pki.ca.subject_text


def test_not_listed_and_listed(pki: TestPki) -> None:
    assert reason(judge(pki, RevocationData.load([a_list(pki)]))) == ("pki.crl-not-listed", Outcome.PASS)
    bad = a_list(pki, Revoked(pki.staff.serial, NOON - DAY, Reason.KEY_COMPROMISE))
    assert reason(judge(pki, RevocationData.load([bad]))) == ("pki.revoked", Outcome.FAIL)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ((NOON + DAY, None), ("pki.revoked-later", Outcome.NOTE)),
        ((NOON, None), ("pki.revoked", Outcome.FAIL)),
        ((NOON - DAY, Reason.CERTIFICATE_HOLD), ("pki.on-hold", Outcome.FAIL)),
    ],
)
def test_when_and_why(sm2: TestPki, entry: tuple[object, object], expected: tuple[str, Outcome]) -> None:
    crl = a_list(sm2, Revoked(sm2.staff.serial, *entry))  # type: ignore[arg-type]
    assert reason(judge(sm2, RevocationData.load([crl]))) == expected


def test_nothing_known(sm2: TestPki) -> None:
    assert reason(judge(sm2, RevocationData())) == ("pki.revocation-unknown", Outcome.UNDECIDED)
    assert reason(judge(sm2, RevocationData(required=False))) == ("pki.revocation-unknown", Outcome.NOTE)
    without = validate_path(sm2.staff, [], [sm2.ca], at=NOON, usage=Usage.ANY)
    assert reason(without) == ("pki.revocation-not-checked", Outcome.NOTE)
    event = sm2.event(new_signer())
    assert reason(judge(sm2, RevocationData(), event)) == ("pki.no-rev-avail", Outcome.PASS)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"next_update": NOON - timedelta(hours=1)}, "pki.crl-stale"),
        ({"this_update": NOON + 2 * YEAR, "next_update": NOON + 3 * YEAR}, "pki.crl-after-expiry"),
        ({"scope": Scope(only_ca=True)}, "pki.crl-out-of-scope"),
        ({"scope": Scope(only_attribute=True)}, "pki.crl-out-of-scope"),
        ({"scope": Scope(points=frozenset({b"http://other/"}))}, "pki.crl-out-of-scope"),
        ({"scope": Scope(only_user=True)}, "pki.crl-not-listed"),
    ],
)
def test_what_a_list_does_not_say(sm2: TestPki, options: dict[str, object], expected: str) -> None:
    data = RevocationData.load([a_list(sm2, **options)])
    assert reason(judge(sm2, data))[0] == expected


def test_partitions(sm2: TestPki) -> None:
    """A list of one partition speaks of the certificates that point to it."""
    here = sm2.issue(
        Profile.STAFF_SIGN,
        "王护士",
        new_signer(),
        extensions=[(oids.CRL_DISTRIBUTION_POINTS, False, distribution_points([POINT]))],
    )
    crl = a_list(sm2, scope=Scope(points=frozenset({POINT.encode()}), only_user=True))
    assert reason(judge(sm2, RevocationData.load([crl]), here))[0] == "pki.crl-not-listed"
    assert reason(judge(sm2, RevocationData.load([crl])))[0] == "pki.crl-out-of-scope"


def test_delta_lists(sm2: TestPki) -> None:
    """RFC 5280 §5.2.4: the delta adds and removes, only upon a complete list that it fits."""
    held = Revoked(sm2.staff.serial, NOON - 3 * DAY, Reason.CERTIFICATE_HOLD)
    full = a_list(sm2, held, number=5, this_update=NOON - 3 * DAY)
    released = Revoked(sm2.staff.serial, NOON - DAY, Reason.REMOVE_FROM_CRL)
    delta = a_list(sm2, released, number=6, base_number=5)
    assert reason(judge(sm2, RevocationData.load([full])))[0] == "pki.on-hold"
    assert reason(judge(sm2, RevocationData.load([full, delta])))[0] == "pki.crl-not-listed"
    early = a_list(sm2, released, number=9, base_number=6)
    assert reason(judge(sm2, RevocationData.load([full, early])))[0] == "pki.on-hold"
    lost = Revoked(sm2.staff.serial, NOON - DAY, Reason.KEY_COMPROMISE)
    empty = a_list(sm2, number=5, this_update=NOON - 3 * DAY)
    added = a_list(sm2, lost, number=6, base_number=4)
    assert reason(judge(sm2, RevocationData.load([empty, added])))[0] == "pki.revoked"
    assert reason(judge(sm2, RevocationData.load([added])))[0] == "pki.revocation-unknown"


def test_a_list_that_is_damaged_inside(sm2: TestPki) -> None:
    """Entries are read late, and still end in the documented error. Met by fuzzing."""
    crl = replace(parse_crl(a_list(sm2, Revoked(9, NOON))), entries_der=b"\x30\x80\x02\x01\x09")
    for use in (lambda: crl.find(9), lambda: crl.count, lambda: list(crl)):
        with pytest.raises(PkiError, match="bad-crl"):
            use()


def test_an_indirect_list_is_refused_by_name(sm2: TestPki) -> None:
    with pytest.raises(PkiError, match="crl-indirect"):
        a_list(sm2, scope=Scope(indirect=True))
    plain = parse_crl(a_list(sm2))
    crl = replace(plain, scope=Scope(indirect=True))
    assert reason(judge(sm2, RevocationData((crl,))))[0] == "pki.crl-indirect"


def test_a_changed_list_is_not_used(pki: TestPki) -> None:
    data = a_list(pki, Revoked(9, NOON - DAY))
    at = parse_crl(data).tbs_der.index(b"\x02\x01\x09") + 2 + data.index(parse_crl(data).tbs_der)
    changed = data[:at] + b"\x0a" + data[at + 1 :]
    assert reason(judge(pki, RevocationData.load([changed])))[0] == "pki.crl-bad-signature"


def test_a_list_of_a_hundred_thousand(sm2: TestPki) -> None:
    entries = (Revoked(serial, NOON - DAY, Reason.SUPERSEDED) for serial in range(1, 100_001))
    crl = parse_crl(a_list(sm2, *entries))
    found = crl.find(77_777)
    assert found is not None and found.reason is Reason.SUPERSEDED
    assert crl.find(100_001) is None


def test_who_may_not_write_lists(sm2: TestPki) -> None:
    with pytest.raises(PkiError, match="not-a-ca"):
        build_crl(
            issuer=sm2.staff, issuer_signer=sm2.staff_key, number=1, this_update=NOON, next_update=NOON + DAY
        )
    with pytest.raises(PkiError, match="signer-mismatch"):
        build_crl(
            issuer=sm2.ca, issuer_signer=sm2.root_key, number=1, this_update=NOON, next_update=NOON + DAY
        )
    with pytest.raises(PkiError, match="bad-validity"):
        a_list(sm2, next_update=NOON - DAY)


# OCSP


def test_ocsp_request_is_read_back(pki: TestPki) -> None:
    wanted = [CertId.of(pki.staff.serial, pki.ca, name) for name in (oids.SHA1, oids.SHA256, oids.SM3)]
    data = build_ocsp_request(wanted, nonce=b"n" * 32)
    check_der(data)
    parsed = parse_ocsp_request(data)
    assert (parsed.cert_ids, parsed.nonce, parsed.is_signed) == (tuple(wanted), b"n" * 32, False)
    assert all(cert_id.names(pki.staff.serial, pki.ca) for cert_id in parsed.cert_ids)
    assert not any(cert_id.names(pki.staff.serial, pki.root) for cert_id in parsed.cert_ids)


def test_ocsp_answers(pki: TestPki) -> None:
    good = RevocationData.load(ocsp=[answer(pki, nonce=b"x" * 16)])
    assert reason(judge(pki, good)) == ("pki.ocsp-good", Outcome.PASS)
    assert good.ocsp[0].nonce == b"x" * 16
    revoked = answer(pki, Status.REVOKED, revoked_at=NOON - DAY, reason=Reason.KEY_COMPROMISE)
    assert reason(judge(pki, RevocationData.load(ocsp=[revoked]))) == ("pki.revoked", Outcome.FAIL)
    # Whatever else says good, the revocation stands.
    both = RevocationData.load(ocsp=[answer(pki), revoked])
    assert reason(judge(pki, both))[0] == "pki.revoked"
    unknown = RevocationData.load(ocsp=[answer(pki, Status.UNKNOWN)])
    assert reason(judge(pki, unknown)) == ("pki.ocsp-unknown", Outcome.UNDECIDED)


def test_ocsp_that_does_not_decide(sm2: TestPki) -> None:
    stale = answer(sm2, next_update=NOON - timedelta(hours=1))
    assert reason(judge(sm2, RevocationData.load(ocsp=[stale])))[0] == "pki.ocsp-stale"
    parsed = parse_ocsp_response(answer(sm2))
    forged = replace(parsed, tbs_der=parsed.tbs_der[:-1] + b"\x01")
    assert reason(judge(sm2, RevocationData((), (forged,))))[0] == "pki.ocsp-bad-signature"
    # A list decides where the answer does not.
    data = RevocationData.load([a_list(sm2)], [stale])
    assert reason(judge(sm2, data))[0] == "pki.crl-not-listed"


def test_ocsp_delegates(sm2: TestPki) -> None:
    """RFC 6960 §4.2.2.2: only whom the CA itself certified for it."""
    key = new_signer()
    delegate = sm2.issue(Profile.OCSP, "OCSP 应答", key)
    by_delegate = answer(sm2, responder=delegate, signer=key, chain=[delegate])
    assert reason(judge(sm2, RevocationData.load(ocsp=[by_delegate])))[0] == "pki.ocsp-good"
    without = answer(sm2, responder=delegate, signer=key)
    assert reason(judge(sm2, RevocationData.load(ocsp=[without])))[0] == "pki.ocsp-other-responder"
    staff = answer(sm2, responder=sm2.staff, signer=sm2.staff_key, chain=[sm2.staff])
    assert reason(judge(sm2, RevocationData.load(ocsp=[staff])))[0] == "pki.ocsp-not-delegated"
    other = TestPki()
    foreign = other.issue(Profile.OCSP, "别家", key)
    wrong = answer(sm2, responder=foreign, signer=key, chain=[foreign])
    assert reason(judge(sm2, RevocationData.load(ocsp=[wrong])))[0] == "pki.ocsp-not-delegated"


def test_an_embedded_certificate_without_a_key(sm2: TestPki) -> None:
    """Met by fuzzing: its subjectPublicKeyInfo was no such thing."""
    delegate = replace(sm2.tsa, spki_der=der.sequence(der.sequence(), der.null()))
    answered = parse_ocsp_response(answer(sm2, responder=sm2.tsa, signer=sm2.tsa_key, chain=[sm2.tsa]))
    data = RevocationData((), (replace(answered, certificates=(delegate,)),))
    assert reason(judge(sm2, data)) == ("pki.bad-key", Outcome.UNDECIDED)


def test_ocsp_refusals() -> None:
    for status in (1, 2, 3, 5, 6):
        assert parse_ocsp_response(ocsp_refusal(status)).status == status
    for data in (b"", b"\x30\x00", ocsp_refusal(0), ocsp_refusal(9), b"\x30" * 2_000_000):
        with pytest.raises(PkiError, match="bad-ocsp"):
            parse_ocsp_response(data)


# Requests


def test_request_round_trip(pki: TestPki) -> None:
    key = new_signer(pki.algorithm)
    asked = [(oids.KEY_USAGE, True, der.named_bits([0]))]
    data = build_request([("C", "CN"), ("CN", "新设备")], key, san=["a.test", "10.0.0.1"], extensions=asked)
    check_der(data)
    parsed = parse_request(data)
    assert (parsed.subject_text, parsed.spki_der) == ("CN=新设备,C=CN", key.public_key_spki)
    assert set(parsed.extensions) == {oids.KEY_USAGE, oids.SUBJECT_ALTERNATIVE_NAME}
    assert parsed.verify()
    other = build_request([("C", "CN"), ("CN", "冒充")], new_signer(pki.algorithm))
    swapped = parse_request(other)
    stolen = replace(swapped, spki_der=key.public_key_spki)
    assert not stolen.verify()


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"-----BEGIN X", b"\x30" * 70_000])
def test_what_is_no_request(data: bytes) -> None:
    with pytest.raises(PkiError, match="bad-request"):
        parse_request(data)


def test_requests_of_others(shared_testdata: Path) -> None:
    folder = shared_testdata / "gm"
    toolkit = parse_request(
        (folder / "gmsm" / "smx509_cfca_csr_test__00_CERTIFICATE_REQUEST.pem").read_bytes()
    )
    assert toolkit.verify() and toolkit.attributes
    tongsuo = parse_request((folder / "openssl" / "certs" / "sm2-csr.pem").read_bytes())
    assert tongsuo.subject_text
