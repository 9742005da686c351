"""R35: tokens are bound to message, certificate and anchor; requests are answered or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.cms import build_signed_data, oids, parse_signed_data
from signing.cms.attributes import attribute
from signing.cms.write import DIGEST_IDENTIFIERS, SignerParts, encode_signed_data, signature_identifier_of
from signing.pki import Certificate, Profile, Signer, Sm2Signer, digest, issue_certificate
from signing.pki.oids import EXTENDED_KEY_USAGE, SERVER_AUTH, SHA256, SHA512, SM3, TIME_STAMPING
from signing.sm import SmError, check_der, der, sm3
from signing.tsp import (
    TimeStampAuthority,
    TokenResult,
    TspError,
    build_request,
    new_nonce,
    parse_request,
    parse_token,
    rejection,
    token_from_response,
    verify_token,
)
from signing.tsp.authority import (
    BAD_ALGORITHM,
    BAD_DATA_FORMAT,
    SYSTEM_FAILURE,
    TIME_NOT_AVAILABLE,
    UNACCEPTED_EXTENSION,
    UNACCEPTED_POLICY,
)
from signing.tsp.token import encode_tst_info, parse_tst_info
from signing.verdict import CheckName, Outcome
from tests.support.certificates import NOON, TSA_POLICY, TestPki, new_signer

MESSAGE = b"a signature value"


@pytest.fixture(scope="module", params=["sm2", "rsa", "ec-p256"])
def pki(request: pytest.FixtureRequest) -> TestPki:
    return TestPki(request.param)


@pytest.fixture(scope="module")
def sm2() -> TestPki:
    return TestPki()


def reasons(result: TokenResult, least: Outcome = Outcome.WARNING) -> list[str]:
    return [check.reason for check in result.checks if check.outcome >= least]


def failure(call: object, *arguments: object) -> TspError:
    with pytest.raises(TspError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value


def test_a_token_round_trips(pki: TestPki) -> None:
    token = pki.authority().token(MESSAGE, nonce=5)
    check_der(token)
    result = verify_token(token, MESSAGE, anchors=[pki.root], strict=True)
    assert reasons(result) == []
    assert (result.gen_time, result.serial, result.certificate) == (NOON, 1, pki.tsa)
    assert {check.name for check in result.checks} == {CheckName.TIME_STAMP}
    info = parse_token(token)[1]
    assert (info.policy, info.nonce, info.ordering) == (TSA_POLICY, 5, False)
    assert info.accuracy == timedelta(seconds=1)
    assert info.digest_algorithm == (SM3 if pki.algorithm == "sm2" else SHA256)


def test_another_message(pki: TestPki) -> None:
    result = verify_token(pki.authority().token(MESSAGE), MESSAGE + b"!", anchors=[pki.root])
    assert reasons(result) == ["tsp.imprint-wrong"]


def test_without_the_anchor_it_is_undecided(sm2: TestPki) -> None:
    result = verify_token(sm2.authority().token(MESSAGE), MESSAGE, anchors=[])
    assert (result.outcome, reasons(result)) == (Outcome.UNDECIDED, ["pki.no-anchor"])


def test_the_path_is_validated_at_the_stated_time(sm2: TestPki) -> None:
    late = sm2.authority(clock=lambda: sm2.tsa.not_after + timedelta(seconds=1))
    result = verify_token(late.token(MESSAGE), MESSAGE, anchors=[sm2.root])
    assert reasons(result) == ["pki.expired"]
    old = verify_token(
        sm2.authority().token(MESSAGE), MESSAGE, anchors=[sm2.root], at=sm2.tsa.not_after + timedelta(1)
    )
    assert reasons(old) == ["pki.expired"]


@pytest.mark.parametrize("algorithm", [("sm3", SM3), ("sha256", SHA256), ("sha512", SHA512)])
def test_a_request_is_answered(pki: TestPki, algorithm: tuple[str, str]) -> None:
    name, oid = algorithm
    nonce = new_nonce()
    request = build_request(digest(oid, MESSAGE), name, nonce=nonce, policy=TSA_POLICY)
    check_der(request)
    parsed = parse_request(request)
    assert (parsed.digest, parsed.digest_algorithm, parsed.nonce) == (digest(oid, MESSAGE), oid, nonce)
    response = pki.authority().respond(request)
    check_der(response)
    token = token_from_response(response, nonce=nonce)
    assert reasons(verify_token(token, MESSAGE, anchors=[pki.root], strict=True)) == []
    assert failure(lambda: token_from_response(response, nonce=nonce + 1)).code == "tsp.wrong-nonce"


def test_tokens_with_the_identifiers_of_gbt35275(sm2: TestPki) -> None:
    token = sm2.authority(dialect="gbt35275").token(MESSAGE)
    assert parse_signed_data(token).dialect == "gbt35275"
    assert reasons(verify_token(token, MESSAGE, anchors=[sm2.root], strict=True)) == []


def test_certificates_only_when_asked(sm2: TestPki) -> None:
    request = build_request(sm3(MESSAGE), certificate=False)
    token = token_from_response(sm2.authority().respond(request))
    assert parse_signed_data(token).certificates == ()
    bare = verify_token(token, MESSAGE, anchors=[sm2.root])
    assert "cms.no-certificate" in reasons(bare)
    known = verify_token(token, MESSAGE, anchors=[sm2.root], extra_certificates=[sm2.tsa, sm2.ca])
    assert reasons(known) == []


def test_serials_and_times_are_the_caller_s(sm2: TestPki) -> None:
    moment = NOON.replace(microsecond=120_456)
    authority = sm2.authority(clock=lambda: moment, ordering=True, accuracy=timedelta(milliseconds=1500))
    infos = [parse_token(authority.token(MESSAGE))[1] for _ in range(3)]
    assert [info.serial for info in infos] == [1, 2, 3]
    assert infos[0].gen_time == NOON.replace(microsecond=120_000)
    assert (infos[0].ordering, infos[0].accuracy) == (True, timedelta(milliseconds=1500))


def _uncertain() -> datetime:
    raise TspError("tsp.time-not-available")


def test_refusals_name_their_reason(sm2: TestPki, expected_warnings: Callable[[str, str], None]) -> None:
    expected_warnings("penward.tsp", "no time stamp")
    good = build_request(sm3(MESSAGE))
    extended = der.tlv(der.SEQUENCE, der.read_one(good).content + der.tlv(0xA0, der.sequence()))
    for request, options, bit in (
        (b"junk", {}, BAD_DATA_FORMAT),
        (good + b"\0", {}, BAD_DATA_FORMAT),
        (good.replace(der.oid(SM3), der.oid("1.2.156.10197.1.410")), {}, BAD_ALGORITHM),
        (build_request(sm3(MESSAGE), policy="1.2.3"), {}, UNACCEPTED_POLICY),
        (extended, {}, UNACCEPTED_EXTENSION),
        (good, {"clock": _uncertain}, TIME_NOT_AVAILABLE),
        (good, {"clock": lambda: NOON.replace(tzinfo=None)}, TIME_NOT_AVAILABLE),
    ):
        response = sm2.authority(**options).respond(request)
        error = failure(token_from_response, response)
        assert (error.code, error.params["failure"]) == ("tsp.rejected", bit)
    assert failure(token_from_response, rejection(25)).params == {"status": 2, "failure": 25}


def test_a_key_that_fails_is_a_system_failure(expected_warnings: Callable[[str, str], None]) -> None:
    """The answer says so; the log says which."""
    expected_warnings("penward.tsp", "key has been destroyed")
    pki = TestPki()
    authority = pki.authority()
    assert isinstance(pki.tsa_key, Sm2Signer)
    pki.tsa_key.key.destroy()
    error = failure(token_from_response, authority.respond(build_request(sm3(MESSAGE))))
    assert error.params["failure"] == SYSTEM_FAILURE
    with pytest.raises(SmError):
        authority.stamp(MESSAGE)


def test_wrong_digests_are_not_sent() -> None:
    for wrong, algorithm in ((bytes(31), "sm3"), (bytes(20), "sha1"), (bytes(32), "sha512")):
        assert failure(build_request, wrong, algorithm).code == "tsp.bad-digest"


def _certificate(pki: TestPki, signer: Signer, profile: Profile, extended: bytes | None) -> Certificate:
    extensions = [(EXTENDED_KEY_USAGE, profile is Profile.STAFF_SIGN, extended)] if extended else []
    return issue_certificate(
        profile=profile,
        subject=[("CN", "odd TSA")],
        spki_der=signer.public_key_spki,
        issuer=pki.ca,
        issuer_signer=pki.ca_key,
        not_before=NOON - timedelta(hours=1),
        not_after=NOON + timedelta(hours=1),
        extensions=extensions,
    )


def test_only_a_time_stamping_certificate_makes_time_stamps(sm2: TestPki) -> None:
    """RFC 3161 §2.3: the extended key usage is critical and holds that one purpose."""
    key = new_signer()
    sole = der.sequence(der.oid(TIME_STAMPING))
    both = der.sequence(der.oid(TIME_STAMPING), der.oid(SERVER_AUTH))
    for profile, extended in (
        (Profile.STAFF_SIGN, None),
        (Profile.STAFF_SIGN, both),
        (Profile.ORGANISATION_SIGN, sole),  # not critical
    ):
        certificate = _certificate(sm2, key, profile, extended)
        with pytest.raises(TspError) as caught:
            TimeStampAuthority(
                key, certificate, [sm2.ca], policy=TSA_POLICY, clock=lambda: NOON, serial=lambda: 1
            )
        assert caught.value.code == "tsp.wrong-certificate"
        result = verify_token(_token(sm2, key, certificate), MESSAGE, anchors=[sm2.root])
        assert reasons(result) == ["pki.wrong-usage"]
    right = _certificate(sm2, key, Profile.STAFF_SIGN, sole)
    assert reasons(verify_token(_token(sm2, key, right), MESSAGE, anchors=[sm2.root])) == []


def _token(pki: TestPki, signer: Signer, certificate: Certificate) -> bytes:
    info = parse_signed_data(pki.authority().token(MESSAGE)).content
    return build_signed_data(
        info, signer=signer, certificate=certificate, chain=[pki.ca], content_type=oids.TST_INFO
    )


def test_a_token_that_names_no_certificate(sm2: TestPki) -> None:
    """Without signingCertificateV2 any certificate over the same key would do."""
    info = parse_signed_data(sm2.authority().token(MESSAGE)).content
    assert info
    signed = der.set_of(
        [
            attribute(oids.CONTENT_TYPE, der.oid(oids.TST_INFO)),
            attribute(oids.MESSAGE_DIGEST, der.octet_string(sm3(info))),
        ]
    )
    parts = SignerParts(
        sm2.tsa,
        DIGEST_IDENTIFIERS[SM3],
        signature_identifier_of("sm2", "rfc5652"),
        signed,
        sm2.tsa_key.sign(signed),
        (),
    )
    token = encode_signed_data("rfc5652", oids.TST_INFO, info, [sm2.tsa, sm2.ca], [parts])
    result = verify_token(token, MESSAGE, anchors=[sm2.root])
    assert reasons(result) == ["tsp.not-bound-to-certificate"]


def test_signed_data_of_another_kind_is_no_token(sm2: TestPki) -> None:
    other = build_signed_data(MESSAGE, signer=sm2.tsa_key, certificate=sm2.tsa, chain=[sm2.ca])
    result = verify_token(other, MESSAGE, anchors=[sm2.root])
    assert (reasons(result), result.gen_time, result.serial) == (["tsp.bad-token"], None, None)


def test_a_changed_bit_is_noticed(sm2: TestPki) -> None:
    token = sm2.authority().token(MESSAGE)
    for octet in range(0, len(token), 3):
        changed = bytearray(token)
        changed[octet] ^= 1 << octet // 3 % 8
        result = verify_token(bytes(changed), MESSAGE, anchors=[sm2.root], strict=True)
        assert result.outcome >= Outcome.UNDECIDED, f"octet {octet}"


SAMPLE = TestPki().authority().token(MESSAGE)


@given(st.binary(max_size=200), st.booleans())
def test_only_the_documented_error_escapes(data: bytes, wrapped: bool) -> None:
    data = der.sequence(data) if wrapped else data
    for parse in (parse_request, token_from_response, parse_token, parse_tst_info):
        try:
            parse(data)
        except TspError as error:
            assert error.code.startswith("tsp.")
    assert verify_token(data, MESSAGE, anchors=[]).outcome is Outcome.FAIL


@given(st.data())
def test_damaged_tokens(data: st.DataObject) -> None:
    changed = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(SAMPLE) - 1))] = data.draw(st.integers(0, 255))
    assert verify_token(bytes(changed), MESSAGE, anchors=[]).checks


@given(st.binary(min_size=32, max_size=32), st.none() | st.integers(-(1 << 63), 1 << 500), st.booleans())
def test_requests_round_trip(imprint: bytes, nonce: int | None, certificate: bool) -> None:
    parsed = parse_request(build_request(imprint, nonce=nonce, certificate=certificate))
    assert (parsed.digest, parsed.nonce, parsed.wants_certificate) == (imprint, nonce, certificate)


@given(st.timedeltas(timedelta(0), timedelta(days=1)), st.integers(1, (1 << 159) - 1))
def test_infos_round_trip(accuracy: timedelta, serial: int) -> None:
    encoded = encode_tst_info(
        policy="1.2.3",
        imprint_der=parse_request(build_request(bytes(32))).imprint_der,
        serial=serial,
        gen_time=NOON,
        accuracy=accuracy,
        ordering=False,
        nonce=None,
        tsa_name=der.sequence(),
    )
    check_der(encoded)
    info = parse_tst_info(encoded)
    assert (info.accuracy, info.serial, info.gen_time) == (accuracy, serial, NOON)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((der.integer(1), der.integer(2)), "version"),
        ((der.integer(7), der.integer(1 << 161)), "serial"),
    ],
)
def test_wrong_infos_are_named(change: tuple[bytes, bytes], problem: str) -> None:
    encoded = encode_tst_info(
        policy="1.2.3",
        imprint_der=parse_request(build_request(bytes(32))).imprint_der,
        serial=7,
        gen_time=NOON,
        accuracy=None,
        ordering=False,
        nonce=None,
        tsa_name=der.sequence(),
    )
    content = der.read_one(encoded).content.replace(*change, 1)
    assert failure(parse_tst_info, der.sequence(content)).params == {"problem": problem}


def test_sizes_are_limited() -> None:
    assert failure(parse_request, bytes(20_000)).code == "tsp.bad-request"
    assert failure(token_from_response, bytes(2_000_000)).code == "tsp.bad-response"
    request = build_request(bytes(32), nonce=1 << 513)
    assert failure(parse_request, request).params == {"problem": "nonce"}
