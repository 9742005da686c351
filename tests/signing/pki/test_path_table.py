"""R28, R50, R84: the table of path validation, for all three families, and what tries to exhaust it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from signing.pki import Certificate, PathResult, Usage, build_name, validate_path
from signing.sm import der
from signing.verdict import Outcome
from tests.signing.pki.forge import (
    Chain,
    alternatives,
    authority,
    constraints,
    leaf,
    mappings,
    name,
    policies,
    root,
)
from tests.signing.pki.path_table import CASES, Case
from tests.support.certificates import NOON

SECOND = 1.0  # what a case may take; the validator keeps it itself and says so


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 150
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize("family", ["sm2", "rsa", "ec-p256"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case, family: str) -> None:
    *above, signer = Chain(family, case.chain).certificates
    anchor = above[0] if above else signer
    result = validate_path(
        signer,
        above[1:] if case.given else [],
        [anchor] if case.anchored else [],
        at=case.at,
        usage=case.usage,
        known_extensions=case.known,
        policies=case.policies,
        deadline_s=SECOND,
    )
    heavy = [check for check in result.checks if check.outcome >= Outcome.WARNING]
    told = [check.text("en") for check in heavy]
    if not case.expected:
        assert not heavy, told
        return
    assert result.outcome is case.outcome, told
    assert case.expected in {check.reason for check in heavy if check.outcome is result.outcome}, told


# What tries to exhaust the search


def judge(signer: Certificate, candidates: list[Certificate], anchors: list[Certificate]) -> PathResult:
    result = validate_path(signer, candidates, anchors, at=NOON, usage=Usage.SIGNATURE, deadline_s=SECOND)
    assert all(check.text("zh_CN") for check in result.checks)
    return result


def reasons(result: PathResult) -> set[str]:
    return {check.reason for check in result.checks if check.outcome is result.outcome}


def twins(count: int) -> list[Certificate]:
    """CAs of one name and one key, each another certificate."""
    return [Chain("sm2", [root(), authority(serial=100 + n)]).certificates[1] for n in range(count)]


def test_hundreds_of_intermediates_of_one_name() -> None:
    """None of 300 leads to the anchor: not decided, in bounded work."""
    chain = Chain("sm2", [root(), authority(), leaf()]).certificates
    result = judge(chain[2], twins(300), [Chain("sm2", [root(name="另一根", key=7)]).certificates[0]])
    assert result.outcome is Outcome.UNDECIDED
    assert reasons(result) <= {"pki.too-many-candidates", "pki.path-deadline", "pki.no-anchor"}


def test_hundreds_of_wrong_keys_of_one_name() -> None:
    wrong = [Chain("sm2", [root(), authority(key=8, serial=100 + n)]).certificates[1] for n in range(300)]
    chain = Chain("sm2", [root(), authority(), leaf()]).certificates
    result = judge(chain[2], wrong, [chain[0]])
    assert result.outcome >= Outcome.UNDECIDED


def test_the_right_one_among_nineteen_wrong() -> None:
    chain = Chain("sm2", [root(), authority(), leaf()]).certificates
    wrong = [Chain("sm2", [root(), authority(key=8, serial=100 + n)]).certificates[1] for n in range(19)]
    assert judge(chain[2], [*wrong, chain[1]], [chain[0]]).outcome < Outcome.WARNING


def test_cas_that_certify_each_other() -> None:
    """A ring and a full mesh without an anchor end."""
    names = [name(f"N{n}") for n in range(5)]
    mesh = [
        Chain(
            "sm2",
            [
                authority(subject=names[a], key=a + 10),
                authority(subject=names[b], key=b + 10, serial=10 * a + b),
            ],
        ).certificates[1]
        for a, b in product(range(5), repeat=2)
        if a != b
    ]
    signer = Chain("sm2", [authority(subject=names[0], key=10), leaf()]).certificates[1]
    result = judge(signer, mesh, [])
    assert result.outcome is Outcome.UNDECIDED


def test_a_name_constraint_bomb() -> None:
    """Thousands of constraints against thousands of names are counted before they are compared."""
    many = [("dns", f"n{n}.test") for n in range(900)]
    chain = Chain(
        "sm2",
        [
            root(),
            authority(extensions=[constraints(many)]),
            leaf(extensions=[alternatives(*(("dns", f"x.n{n}.test") for n in range(900)))]),
        ],
    ).certificates
    assert reasons(judge(chain[2], [chain[1]], [chain[0]])) == {"pki.constraints-too-many"}


def test_a_policy_bomb() -> None:
    """The tree of RFC 5280 would double at each CA: 2^6 × 200 nodes; sets do not."""
    dotted = [f"1.3.6.1.4.1.32473.{n}" for n in range(200)]
    every = [mappings(*((a, b) for a in dotted[:14] for b in dotted[:14]))]
    cas = [authority(f"C{n}", extensions=[policies(*dotted), *every]) for n in range(6)]
    *above, signer = Chain("sm2", [root(), *cas, leaf(extensions=[policies(*dotted)])]).certificates
    assert judge(signer, above[1:], [above[0]]).outcome < Outcome.WARNING


def test_more_policies_than_allowed() -> None:
    dotted = [f"1.3.6.1.4.1.32473.{n}" for n in range(300)]
    chain = Chain("sm2", [root(), authority(extensions=[policies(*dotted)]), leaf()]).certificates
    assert reasons(judge(chain[2], [chain[1]], [chain[0]])) == {"pki.bad-policies"}


def test_huge_integers_and_names() -> None:
    long = build_name([("CN", "长" * 1000)] * 5)
    chain = Chain(
        "sm2",
        [root(), authority(subject=long, serial=2**100_000), leaf(serial=2**150_000)],
    ).certificates
    assert judge(chain[2], [chain[1]], [chain[0]]).outcome < Outcome.WARNING


def test_an_rsa_key_too_long_to_use() -> None:
    """A modulus of 20,000 bits with a huge exponent is refused before it costs anything."""
    spki = der.sequence(
        der.sequence(der.oid("1.2.840.113549.1.1.1"), der.null()),
        der.bit_string(der.sequence(der.integer(2**20_000 + 1), der.integer(2**19_999 + 1))),
    )
    chain = Chain("sm2", [root(), authority(), leaf()]).certificates
    forged = replace(chain[1], spki_der=spki, der=chain[1].der + b"x")
    result = judge(chain[2], [forged], [chain[0]])
    assert result.outcome is Outcome.UNDECIDED
