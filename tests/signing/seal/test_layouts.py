"""R28: seals of every layout are read by their shape and judged over the stored bytes."""

from __future__ import annotations

import pytest

from signing.seal import SealError, chain_extension, parse_seal, parse_seal_signature
from signing.seal.verify import verify_seal_signature
from signing.sm import der, der_to_raw
from signing.verdict import CheckName, Outcome
from tests.signing.seal import seals
from tests.support.hospital import Event, Hospital


@pytest.fixture(scope="module")
def event(hospital: Hospital) -> Event:
    return hospital.event(bytes(32))


def _outcomes(hospital: Hospital, signature: bytes, *, strict: bool = False) -> dict[str, Outcome]:
    result = verify_seal_signature(
        parse_seal_signature(signature), seals.DATA, anchors=[hospital.root, hospital.ca], strict=strict
    )
    found: dict[str, Outcome] = {}
    for check in result.checks:
        found[check.reason] = max(check.outcome, found.get(check.reason, Outcome.PASS))
    return found


def test_v4_is_read_and_valid(hospital: Hospital, event: Event) -> None:
    signature = parse_seal_signature(seals.signature_v4(hospital, event))
    assert (signature.layout, signature.version, signature.remarks) == ("v4", 4, ())
    assert signature.seal.name == "测试印章"
    assert signature.seal.certificates == (event.certificate.der,)
    assert signature.signed_at == hospital.now
    found = _outcomes(hospital, signature.der)
    assert max(found.values()) is Outcome.NOTE
    assert found["seal.no-time-stamp"] is Outcome.NOTE


@pytest.mark.parametrize("version", [1, 4])
def test_v1_is_told_by_its_shape_not_by_its_number(hospital: Hospital, event: Event, version: int) -> None:
    """R28: documents exist that say 4 and are laid out as v1."""
    signature = parse_seal_signature(seals.signature_v1(hospital, event, version=version))
    assert (signature.layout, signature.version) == ("v1", version)
    assert signature.signed_at == hospital.now
    assert max(_outcomes(hospital, signature.der).values()) is Outcome.NOTE


def test_v1_time_that_nobody_can_read_is_undecided(hospital: Hospital, event: Event) -> None:
    found = _outcomes(hospital, seals.signature_v1(hospital, event, iso_time=False))
    assert found["seal.no-time"] is Outcome.UNDECIDED


@pytest.mark.parametrize("stamped", [False, True])
def test_v5_names_the_signer_by_digest(hospital: Hospital, event: Event, stamped: bool) -> None:
    seal = seals.seal_v5(hospital, event, stamped=stamped)
    signature = parse_seal_signature(seals.signature_v4(hospital, event, seal_der=seal))
    assert signature.layout == "v5"
    assert (signature.seal.time_stamp is not None) is stamped
    found = _outcomes(hospital, signature.der)
    assert found["seal.signer-listed"] is Outcome.PASS
    assert ("seal.seal-time-stamp" in found) is stamped
    assert max(found.values()) is Outcome.NOTE


def test_unused_bits_are_tolerated_in_the_work_of_others_alone(hospital: Hospital, event: Event) -> None:
    signature = seals.signature_v1(hospital, event, unused=1)
    assert _outcomes(hospital, signature)["seal.remark-unused-bits"] is Outcome.WARNING
    assert _outcomes(hospital, signature)["seal.value-good"] is Outcome.PASS
    assert _outcomes(hospital, signature, strict=True)["seal.remark-unused-bits"] is Outcome.FAIL


def test_raw_value_and_wrong_algorithm_identifier(hospital: Hospital, event: Event) -> None:
    """Both occur in the field: r‖s, and the OID of GB/T 35275 where SM3withSM2 is due."""
    signature = seals.signature_v4(hospital, event)
    value = parse_seal_signature(signature).signature
    raw = seals.replaced_outer(signature, 3, der.bit_string(der_to_raw(value)))
    assert _outcomes(hospital, raw)["seal.raw-value"] is Outcome.WARNING
    assert _outcomes(hospital, raw)["seal.value-good"] is Outcome.PASS
    odd = seals.replaced_outer(signature, 2, der.oid(seals.GBT35275))
    assert _outcomes(hospital, odd)["seal.wrong-algorithm"] is Outcome.WARNING
    other = seals.replaced_outer(signature, 2, der.oid("1.2.840.10045.4.3.2"))
    assert _outcomes(hospital, other)["seal.wrong-algorithm"] is Outcome.FAIL
    for changed in (raw, odd):
        assert max(_outcomes(hospital, changed, strict=True).values()) is Outcome.FAIL


def test_another_signer_is_not_in_the_seal(hospital: Hospital, event: Event) -> None:
    stranger = hospital.event(bytes(32), seed=9)
    signature = seals.signature_v4(hospital, event, signer=stranger.signer, certificate=stranger.certificate)
    found = _outcomes(hospital, signature)
    assert found["seal.value-good"] is Outcome.PASS
    assert found["seal.signer-not-listed"] is Outcome.FAIL


def test_exchanged_certificate_breaks_the_value(hospital: Hospital, event: Event) -> None:
    stranger = hospital.event(bytes(32), seed=9)
    signature = seals.replaced_outer(
        seals.signature_v4(hospital, event), 1, der.octet_string(stranger.certificate.der)
    )
    assert _outcomes(hospital, signature)["seal.value-bad"] is Outcome.FAIL


def test_seal_of_a_stranger_maker(hospital: Hospital, event: Event) -> None:
    """The maker's certificate path and the seal's own signature are judged apart."""
    other = Hospital(name="测试别院")
    foreign = seals.seal_v4(hospital, event, maker=other.maker_signer, maker_certificate=other.maker)
    found = _outcomes(hospital, seals.signature_v4(hospital, event, seal_der=foreign))
    assert found["seal.seal-good"] is Outcome.PASS
    assert found["pki.no-anchor"] is Outcome.UNDECIDED
    forged = seals.seal_v4(hospital, event, maker=other.maker_signer)
    found = _outcomes(hospital, seals.signature_v4(hospital, event, seal_der=forged))
    assert found["seal.seal-bad"] is Outcome.FAIL


def test_seal_outside_its_period(hospital: Hospital, event: Event) -> None:
    seal = seals.seal_v4(hospital, event, valid_to=hospital.now.replace(hour=1))
    found = _outcomes(hospital, seals.signature_v4(hospital, event, seal_der=seal))
    assert found["seal.outside-period"] is Outcome.FAIL


def test_claimed_time_outside_the_certificate(hospital: Hospital, event: Event) -> None:
    late = event.certificate.not_after.replace(year=2027)
    signature = seals.signature_v4(hospital, event, signed_at=late, stamper=hospital.tsa)
    found = _outcomes(hospital, signature)
    assert found["seal.claimed-outside-validity"] is Outcome.FAIL
    assert found["seal.signed-after-stamp"] is Outcome.WARNING


def test_time_stamp_over_another_value(hospital: Hospital, event: Event) -> None:
    class Stale:
        def stamp(self, message: bytes) -> bytes:
            return hospital.tsa.stamp(b"another" + message)

    result = verify_seal_signature(
        parse_seal_signature(seals.signature_v4(hospital, event, stamper=Stale())),
        seals.DATA,
        anchors=[hospital.root],
    )
    stamps = [check for check in result.checks if check.name is CheckName.TIME_STAMP]
    assert max(check.outcome for check in stamps) is Outcome.FAIL
    assert result.stamped_at is None


def test_time_stamp_gives_the_time(hospital: Hospital, event: Event) -> None:
    built = seals.signature_v4(
        hospital, event, stamper=hospital.tsa, ext_datas=[chain_extension([hospital.ca])]
    )
    result = verify_seal_signature(
        parse_seal_signature(built), seals.DATA, anchors=[hospital.root], strict=True
    )
    assert result.stamped_at == hospital.now
    assert max(check.outcome for check in result.checks) is Outcome.NOTE
    assert result.anchor == hospital.root


def test_nothing_is_valid_without_an_anchor(hospital: Hospital, event: Event) -> None:
    signature = parse_seal_signature(seals.signature_v4(hospital, event, stamper=hospital.tsa))
    result = verify_seal_signature(signature, seals.DATA, anchors=[])
    assert max(check.outcome for check in result.checks) is Outcome.UNDECIDED


def test_changed_data_and_changed_seal_are_told_apart(hospital: Hospital, event: Event) -> None:
    signature = seals.signature_v4(hospital, event)
    result = verify_seal_signature(parse_seal_signature(signature), b"other", anchors=[hospital.root])
    reasons = {check.reason for check in result.checks if check.outcome is Outcome.FAIL}
    assert reasons == {"seal.data-hash-bad"}
    place = signature.index(b"picture")
    changed = signature[:place] + b"Picture" + signature[place + 7 :]
    found = _outcomes(hospital, changed)
    assert found["seal.seal-bad"] is Outcome.FAIL
    assert found["seal.value-bad"] is Outcome.FAIL
    assert found["seal.data-hash-good"] is Outcome.PASS


@pytest.mark.parametrize("fields", [0, 1, 3, 6])
def test_other_shapes_are_refused(fields: int) -> None:
    with pytest.raises(SealError) as caught:
        parse_seal(der.sequence(*[der.sequence()] * fields))
    assert caught.value.code == "seal.unknown-layout"
