"""R29, R35, R60: Bouncy Castle accepts ours, refuses what was changed, and we accept what it makes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from signing.cms import build_signed_data, parse_signed_data, verify_signed_data
from signing.sm import sm3
from signing.tsp import build_request, token_from_response, verify_token
from signing.verdict import Outcome
from tests.oracles.bouncy_castle import BouncyCastle, OracleRefused
from tests.support.certificates import TestPki, new_signer

pytestmark = pytest.mark.oracle
CONTENT = "手术知情同意书".encode()
ALGORITHMS = ("sm2", "rsa", "ec-p256")


@pytest.fixture(scope="module", params=ALGORITHMS)
def pki(request: pytest.FixtureRequest) -> TestPki:
    """A test PKI for each algorithm, valid today: Bouncy Castle looks at the clock."""
    return TestPki(request.param, now=datetime.now(UTC).replace(microsecond=0))


@pytest.fixture(scope="module")
def sm2() -> TestPki:
    return TestPki(now=datetime.now(UTC).replace(microsecond=0))


def test_certificates_verify_up_to_the_root(bouncy_castle: BouncyCastle, pki: TestPki) -> None:
    """R29, R36: staff, TSA and event certificates."""
    event = pki.event(new_signer(pki.algorithm))
    for leaf in (event, pki.staff, pki.tsa):
        assert bouncy_castle.verify_chain([leaf.der, pki.ca.der, pki.root.der]) == 3


def test_a_certificate_under_another_ca_is_refused(bouncy_castle: BouncyCastle, pki: TestPki) -> None:
    other = TestPki(pki.algorithm, now=pki.now)
    with pytest.raises(OracleRefused):
        bouncy_castle.verify_chain([pki.staff.der, other.ca.der, other.root.der])


def test_raw_signature_values(bouncy_castle: BouncyCastle, pki: TestPki) -> None:
    """R28: as an SES signature holds it."""
    signature = pki.staff_key.sign(CONTENT)
    bouncy_castle.verify_raw(pki.staff.der, CONTENT, signature)
    with pytest.raises(OracleRefused, match="does not verify"):
        bouncy_castle.verify_raw(pki.staff.der, CONTENT + b"!", signature)


@pytest.mark.parametrize("detached", [False, True])
def test_cms_with_attributes(bouncy_castle: BouncyCastle, pki: TestPki, detached: bool) -> None:
    message = build_signed_data(
        CONTENT,
        signer=pki.staff_key,
        certificate=pki.staff,
        chain=[pki.ca],
        detached=detached,
        signing_time=pki.now,
        timestamp=pki.authority().stamp,
    )
    assert bouncy_castle.verify_cms(message, CONTENT if detached else None) == 1
    with pytest.raises(OracleRefused):
        bouncy_castle.verify_cms(message.replace(CONTENT, CONTENT[::-1]), CONTENT[::-1])


@pytest.mark.parametrize("attributes", [False, True])
@pytest.mark.parametrize("detached", [False, True])
def test_gbt35275(bouncy_castle: BouncyCastle, sm2: TestPki, attributes: bool, detached: bool) -> None:
    message = build_signed_data(
        CONTENT,
        signer=sm2.staff_key,
        certificate=sm2.staff,
        chain=[sm2.ca],
        dialect="gbt35275",
        attributes=attributes,
        detached=detached,
    )
    assert bouncy_castle.verify_cms(message, CONTENT if detached else None) == 1
    with pytest.raises(OracleRefused):
        bouncy_castle.verify_cms(message.replace(CONTENT, CONTENT[::-1]), CONTENT[::-1])


def test_time_stamp_token(bouncy_castle: BouncyCastle, pki: TestPki) -> None:
    """R35: the token stands by itself, bound to the message and to the TSA's certificate."""
    token = pki.authority().token(CONTENT)
    assert bouncy_castle.verify_tsp(token, CONTENT, pki.tsa.der) == pki.now
    with pytest.raises(OracleRefused, match="imprint"):
        bouncy_castle.verify_tsp(token, CONTENT + b"!", pki.tsa.der)
    with pytest.raises(OracleRefused):
        bouncy_castle.verify_tsp(token, CONTENT, TestPki(pki.algorithm, now=pki.now).tsa.der)


def test_time_stamp_response_answers_its_request(bouncy_castle: BouncyCastle, pki: TestPki) -> None:
    request = build_request(sm3(CONTENT), nonce=0x1234567890)
    response = pki.authority().respond(request)
    assert bouncy_castle.verify_tsp_response(request, response, pki.tsa.der) == pki.now
    with pytest.raises(OracleRefused, match="nonce"):
        bouncy_castle.verify_tsp_response(build_request(sm3(CONTENT), nonce=5), response, pki.tsa.der)


def test_a_rejection_is_understood(bouncy_castle: BouncyCastle, sm2: TestPki) -> None:
    request = build_request(sm3(CONTENT), policy="1.2.3")
    with pytest.raises(OracleRefused, match="rejected"):
        bouncy_castle.verify_tsp_response(request, sm2.authority().respond(request), sm2.tsa.der)


@pytest.mark.parametrize("attributes", [False, True])
@pytest.mark.parametrize("attached", [False, True])
def test_we_accept_its_cms(bouncy_castle: BouncyCastle, attributes: bool, attached: bool) -> None:
    message = bouncy_castle.make_cms(CONTENT, attached=attached, attributes=attributes)
    anchor = parse_signed_data(message).certificates[0]
    (result,) = verify_signed_data(message, content=CONTENT, anchors=[anchor])
    assert result.outcome < Outcome.WARNING, [check.text("en") for check in result.checks]
    (changed,) = verify_signed_data(message, content=CONTENT + b"!", anchors=[anchor])
    assert changed.outcome is Outcome.FAIL


def test_we_accept_its_time_stamp(bouncy_castle: BouncyCastle) -> None:
    response = bouncy_castle.make_tsp_response(build_request(sm3(CONTENT), nonce=7))
    token = token_from_response(response, nonce=7)
    anchor = parse_signed_data(token).certificates
    result = verify_token(token, CONTENT, anchors=anchor)
    assert result.outcome < Outcome.WARNING, [check.text("en") for check in result.checks]
