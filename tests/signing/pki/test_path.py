"""R28, R50: a path is found in bounded work, and every step of it has a reason."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from signing.pki import (
    Certificate,
    PathResult,
    Profile,
    Usage,
    issue_certificate,
    oids,
    usage_allows,
    validate_path,
)
from signing.sm import der
from signing.verdict import Outcome
from tests.support.certificates import NOON, YEAR, TestPki, new_signer


@pytest.fixture(scope="module")
def pki() -> TestPki:
    return TestPki()


def reasons(result: PathResult, least: Outcome = Outcome.WARNING) -> list[str]:
    """Reasons of the checks that are at least so heavy."""
    return [check.reason for check in result.checks if check.outcome >= least]


def validate(
    certificate: Certificate,
    candidates: list[Certificate],
    anchors: list[Certificate],
    at: datetime = NOON,
    usage: Usage = Usage.SIGNATURE,
) -> PathResult:
    return validate_path(certificate, candidates, anchors, at=at, usage=usage)


def test_a_good_path_names_each_step(pki: TestPki) -> None:
    event = pki.event(new_signer())
    result = validate(event, [pki.ca], [pki.root])
    assert result.path == (event, pki.ca, pki.root)
    assert result.anchor == pki.root
    assert result.is_test_anchor
    assert [(c.reason, c.subject) for c in result.checks] == [
        ("pki.issued-by", "张三"),
        ("pki.issued-by", "签发 CA"),
        ("pki.anchor", "张三"),
        ("pki.valid-at", "张三"),
        ("pki.no-rev-avail", "张三"),
        ("pki.valid-at", "签发 CA"),
        ("pki.revocation-not-checked", "签发 CA"),
        ("pki.valid-at", "测试根"),
    ]


def test_without_the_anchor_it_is_undecided(pki: TestPki) -> None:
    """R28: the same file without the anchor is not decidable."""
    for anchors in ([], [TestPki().root]):
        result = validate(pki.staff, [pki.ca, pki.root], anchors)
        assert (reasons(result), result.outcome) == (["pki.no-anchor"], Outcome.UNDECIDED)
        assert (result.anchor, result.is_test_anchor) == (None, False)


def test_the_file_s_own_root_is_no_anchor(pki: TestPki) -> None:
    result = validate(pki.staff, [pki.ca, pki.root], [])
    assert reasons(result) == ["pki.no-anchor"]
    assert result.path[-1] == pki.root


def test_an_anchor_may_be_any_certificate_of_the_path(pki: TestPki) -> None:
    assert validate(pki.staff, [], [pki.ca]).path == (pki.staff, pki.ca)
    direct = validate(pki.staff, [], [pki.staff])
    assert (direct.path, direct.outcome) == ((pki.staff,), Outcome.PASS)


def test_revocation_is_never_passed_in_silence(pki: TestPki) -> None:
    notes = [c.reason for c in validate(pki.staff, [pki.ca], [pki.root]).checks if c.outcome is Outcome.NOTE]
    assert notes == ["pki.revocation-not-checked"] * 2


@pytest.mark.parametrize(
    ("at", "reason"),
    [(NOON + 2 * YEAR, "pki.expired"), (NOON - timedelta(days=2), "pki.not-yet-valid")],
)
def test_validity_is_that_of_the_given_time(pki: TestPki, at: datetime, reason: str) -> None:
    result = validate(pki.staff, [pki.ca], [pki.root], at=at)
    assert result.outcome is Outcome.FAIL
    assert reason in reasons(result)


def test_an_expired_anchor_is_a_warning(pki: TestPki) -> None:
    """Its owner trusts it still."""
    long_lived = pki.issue(Profile.STAFF_SIGN, "x", new_signer(), pki.ca, pki.ca_key, 5 * YEAR)
    result = validate(long_lived, [], [pki.ca], at=pki.ca.not_after)
    assert result.outcome < Outcome.WARNING
    short = _ca(pki.root_key, "测试根", None, None, not_after=NOON + timedelta(hours=1))
    lower = _self_made(pki.root_key, short)
    assert reasons(validate(lower, [], [short], at=NOON + timedelta(hours=2))) == ["pki.expired"]
    assert validate(lower, [], [short], at=NOON + timedelta(hours=2)).outcome is Outcome.WARNING


def _self_made(key: object, issuer: Certificate) -> Certificate:
    """A staff certificate that outlives its issuer, which our own lint would refuse."""
    from signing.pki.profiles import extensions_of

    signer = new_signer()
    algorithm = der.sequence(der.oid(oids.SM2_WITH_SM3))
    extensions = der.sequence(
        *(
            der.sequence(der.oid(oid), der.boolean(True) if critical else b"", der.octet_string(value))
            for oid, critical, value in extensions_of(Profile.STAFF_SIGN, signer.public_key_spki, issuer, ())
        )
    )
    tbs = der.sequence(
        der.explicit(0, der.integer(2)),
        der.integer(7),
        algorithm,
        issuer.subject_der,
        der.sequence(der.time(NOON - timedelta(days=1)), der.time(NOON + YEAR)),
        issuer.subject_der.replace("测试根".encode(), "李医生".encode()),
        signer.public_key_spki,
        der.explicit(3, extensions),
    )
    signature = key.sign(tbs)  # type: ignore[attr-defined]
    return Certificate.from_der(der.sequence(tbs, algorithm, der.bit_string(signature)))


def _ca(
    signer: object,
    name: str,
    issuer: Certificate | None,
    issuer_key: object | None,
    *,
    not_after: datetime = NOON + YEAR,
    profile: Profile = Profile.ROOT,
    extensions: tuple[tuple[str, bool, bytes], ...] = (),
) -> Certificate:
    return issue_certificate(
        profile=profile,
        subject=[("CN", name)],
        spki_der=signer.public_key_spki,  # type: ignore[attr-defined]
        issuer=issuer,
        issuer_signer=issuer_key or signer,  # type: ignore[arg-type]
        not_before=NOON - timedelta(days=1),
        not_after=not_after,
        extensions=extensions,
    )


def test_every_changed_bit_of_a_certificate_is_noticed(pki: TestPki) -> None:
    """Wherever the bit is, the outcome is not a pass."""
    from signing.pki import PkiError

    event = pki.event(new_signer())
    for index in range(0, len(event.der) * 8, 5):
        changed = bytearray(event.der)
        changed[index // 8] ^= 1 << index % 8
        try:
            result = validate(Certificate.from_der(bytes(changed)), [pki.ca], [pki.root])
        except PkiError:
            continue
        assert result.outcome >= Outcome.UNDECIDED, index


def test_a_wrong_signature_under_the_named_key_is_a_failure(pki: TestPki) -> None:
    broken = bytearray(pki.staff.der)
    broken[-1] ^= 1
    result = validate(Certificate.from_der(bytes(broken)), [pki.ca], [pki.root])
    assert reasons(result) == ["pki.bad-issuer-signature"]
    assert result.outcome is Outcome.FAIL


def test_another_key_of_the_same_name_is_only_another_issuer(pki: TestPki) -> None:
    """A root that was renewed with a new key: the old certificate is not thereby broken."""
    other = TestPki()
    assert other.root.subject_der == pki.root.subject_der
    assert reasons(validate(pki.staff, [pki.ca], [other.root])) == ["pki.no-anchor"]
    both = validate(pki.staff, [other.ca, pki.ca], [other.root, pki.root])
    assert both.anchor == pki.root


def test_an_end_entity_is_no_issuer(pki: TestPki) -> None:
    """R29: a staff certificate must not be able to make event certificates."""
    lower = _self_made(pki.staff_key, _renamed(pki))
    result = validate(lower, [pki.staff, pki.ca], [pki.root])
    assert "pki.issuer-not-ca" in reasons(result)
    assert result.outcome is Outcome.FAIL


def _renamed(pki: TestPki) -> Certificate:
    return pki.staff


def test_path_length_is_kept(pki: TestPki) -> None:
    """The issuing CA's pathLenConstraint is 0."""
    key = new_signer()
    sub = _ca(key, "sub CA", pki.ca, pki.ca_key, profile=Profile.ISSUING_CA)
    leaf_key = new_signer()
    leaf = _ca(leaf_key, "leaf", sub, key, profile=Profile.STAFF_SIGN)
    assert "pki.path-length" in reasons(validate(leaf, [sub, pki.ca], [pki.root]))


def test_a_ca_without_key_cert_sign(pki: TestPki) -> None:
    key = new_signer()
    tbs_extensions = ((oids.BASIC_CONSTRAINTS, True, der.sequence(der.boolean(True))),)
    odd = _ca(key, "odd CA", pki.ca, pki.ca_key, profile=Profile.STAFF_SIGN, extensions=tbs_extensions)
    leaf = _ca(new_signer(), "leaf", odd, key, profile=Profile.STAFF_SIGN)
    assert "pki.issuer-cannot-sign" in reasons(validate(leaf, [odd, pki.ca], [pki.root]))


def test_an_unknown_critical_extension_is_undecided_unless_the_caller_knows_it(pki: TestPki) -> None:
    oid = "2.25.17"
    leaf = pki.issue(Profile.STAFF_SIGN, "x", new_signer(), extensions=[(oid, True, der.null())])
    result = validate(leaf, [pki.ca], [pki.root])
    assert (result.outcome, reasons(result)) == (Outcome.UNDECIDED, ["pki.unknown-critical"])
    known = validate_path(
        leaf, [pki.ca], [pki.root], at=NOON, usage=Usage.SIGNATURE, known_extensions=frozenset({oid})
    )
    assert known.outcome is Outcome.NOTE


def test_no_rev_avail_on_a_ca_is_misuse(pki: TestPki) -> None:
    """RFC 9608 §4."""
    key = new_signer()
    odd = _ca(
        key,
        "odd CA",
        pki.root,
        pki.root_key,
        profile=Profile.ISSUING_CA,
        extensions=((oids.NO_REV_AVAIL, False, der.null()),),
    )
    leaf = _ca(new_signer(), "leaf", odd, key, profile=Profile.STAFF_SIGN)
    assert reasons(validate(leaf, [odd], [pki.root])) == ["pki.no-rev-avail-misused"]


@pytest.mark.parametrize(
    ("profile", "allowed"),
    [
        (Profile.STAFF_SIGN, {Usage.SIGNATURE}),
        (Profile.SEAL_MAKER, {Usage.SEAL}),
        (Profile.TSA, {Usage.TIME_STAMP}),
        (Profile.ENCRYPTION, {Usage.ENCRYPTION}),
        (Profile.SERVER, {Usage.SERVER}),
        (Profile.STATION, {Usage.STATION}),
    ],
)
def test_usages(pki: TestPki, profile: Profile, allowed: set[Usage]) -> None:
    certificate = pki.issue(profile, "x", new_signer())
    for usage in (Usage.SIGNATURE, Usage.TIME_STAMP, Usage.ENCRYPTION, Usage.SEAL):
        expected = usage in allowed
        assert usage_allows(certificate, usage) is expected, (profile, usage)
        result = validate(certificate, [pki.ca], [pki.root], usage=usage)
        assert ("pki.wrong-usage" in reasons(result)) is not expected
    for usage in allowed:
        assert usage_allows(certificate, usage)
    assert usage_allows(certificate, Usage.ANY)


def test_depth_is_limited() -> None:
    """Eight certificates; nine are undecided, not walked."""
    key, certificate = new_signer(), None
    chain: list[Certificate] = []
    for level in range(9):
        upper_key, key = key, new_signer() if level else key
        certificate = _ca(key, f"level {level}", certificate, upper_key)
        chain.append(certificate)
    assert validate(chain[7], chain[1:7], chain[:1], usage=Usage.ANY).outcome is Outcome.NOTE
    deep = validate(chain[8], chain[1:8], chain[:1], usage=Usage.ANY)
    assert deep.outcome is Outcome.UNDECIDED
    assert "pki.path-too-deep" in reasons(deep)


def test_candidates_are_limited(pki: TestPki) -> None:
    junk = [pki.issue(Profile.STAFF_SIGN, f"junk {n}", new_signer()) for n in range(20)]
    crowded = validate(pki.staff, [*junk, pki.ca], [pki.root])
    assert reasons(crowded) == ["pki.too-many-candidates"]
    assert validate(pki.staff, [*junk[:19], pki.ca, pki.ca], [pki.root]).outcome is Outcome.NOTE


def test_a_maze_of_cross_certificates_ends() -> None:
    """Twenty issuers of one name that all certify each other: the budget ends it, undecided."""
    key = new_signer()
    maze = [_ca(key, "maze", None, None, not_after=NOON + YEAR + timedelta(days=n)) for n in range(20)]
    leaf = _ca(new_signer(), "leaf", maze[0], key, profile=Profile.STAFF_SIGN)
    result = validate(leaf, maze, [])
    assert result.outcome is Outcome.UNDECIDED
    assert {"pki.path-deadline", "pki.path-too-deep"} & set(reasons(result))


def test_the_deadline_is_kept(pki: TestPki) -> None:
    result = validate_path(pki.staff, [pki.ca], [pki.root], at=NOON, usage=Usage.SIGNATURE, deadline_s=-1.0)
    assert reasons(result) == ["pki.path-deadline"]


def test_of_two_paths_the_good_one_is_taken(pki: TestPki) -> None:
    """The CA's key was certified twice; one certificate has expired."""
    old = _ca(
        pki.ca_key,
        "unused",
        pki.root,
        pki.root_key,
        profile=Profile.ISSUING_CA,
        not_after=NOON - timedelta(hours=1),
    )
    same_name = issue_certificate(
        profile=Profile.ISSUING_CA,
        subject=pki.ca.subject_der,
        spki_der=pki.ca.spki_der,
        issuer=pki.root,
        issuer_signer=pki.root_key,
        not_before=old.not_before,
        not_after=old.not_after,
    )
    for order in ([same_name, pki.ca], [pki.ca, same_name]):
        result = validate(pki.staff, order, [pki.root])
        assert result.path[1] == pki.ca
        assert result.outcome is Outcome.NOTE
    assert "pki.expired" in reasons(validate(pki.staff, [same_name], [pki.root]))


def test_mixed_algorithms() -> None:
    """An RSA root over an SM2 CA, as older hospitals have."""
    rsa, sm2 = TestPki("rsa"), new_signer()
    ca = _ca(sm2, "国密 CA", rsa.root, rsa.root_key, profile=Profile.ISSUING_CA)
    leaf = _ca(new_signer(), "leaf", ca, sm2, profile=Profile.STAFF_SIGN)
    assert validate(leaf, [ca], [rsa.root]).outcome is Outcome.NOTE


def test_vectors(shared_testdata: Path) -> None:
    """Tongsuo's chains: the default ID verifies, the empty ID (`noza`) must fail."""
    folder = shared_testdata / "gm" / "openssl" / "certs"

    def load(name: str) -> Certificate:
        return Certificate.load((folder / name).read_bytes())

    for leaf, root, outcome in (
        ("sm2-cert.pem", "sm2-root-cert.pem", Outcome.NOTE),
        ("sm2-first-crt.pem", "sm2-root-cert.pem", Outcome.NOTE),
        ("sm2-noza-cert.pem", "sm2-noza-root-cert.pem", Outcome.FAIL),
        ("sm2-leaf.crt", "sm2-root-cert.pem", Outcome.UNDECIDED),
    ):
        certificate = load(leaf)
        result = validate(certificate, [], [load(root)], at=certificate.not_before, usage=Usage.ANY)
        assert result.outcome is outcome, (leaf, reasons(result))
