"""The cases of path validation, in the shape of RFC 5280 §6: a name, a chain from the root, what must come.

`expected` is the heaviest reason (empty when the path is valid). Each row runs for SM2, RSA and P-256.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from signing.pki import Usage, build_name, oids
from signing.sm import der
from signing.verdict import Outcome
from tests.signing.pki.forge import (
    CERT_SIGN,
    HOUR,
    SIGN,
    Forged,
    alternatives,
    authority,
    constraints,
    inhibit_any,
    leaf,
    mappings,
    name,
    policies,
    policy_constraints,
    root,
)
from tests.support.certificates import NOON, YEAR

FAIL, UNDECIDED, WARNING = Outcome.FAIL, Outcome.UNDECIDED, Outcome.WARNING
P1, P2, P3, ANY = "1.3.6.1.4.1.32473.1", "1.3.6.1.4.1.32473.2", "1.3.6.1.4.1.32473.3", oids.ANY_POLICY
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Case:
    """One row."""

    id: str
    chain: Sequence[Forged]
    expected: str = ""
    outcome: Outcome = FAIL
    at: datetime = NOON
    usage: Usage = Usage.SIGNATURE
    policies: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    given: bool = True  # the intermediates are handed over
    anchored: bool = True


def _validity() -> list[Case]:
    edges = [
        ("before", NOON - SECOND, "pki.not-yet-valid"),
        ("first-second", NOON, ""),
        ("last-second", NOON + HOUR, ""),
        ("after", NOON + HOUR + SECOND, "pki.expired"),
    ]
    short = {"before": NOON, "after": NOON + HOUR}
    cases = []
    for label, at, expected in edges:
        cases += [
            Case(f"signer-{label}", [root(), authority(), leaf(**short)], expected, at=at),
            Case(f"ca-{label}", [root(), authority(**short), leaf()], expected, at=at),
            Case(f"root-{label}", [root(**short), authority(), leaf()], expected, WARNING, at=at),
        ]
    late = {
        "before": datetime(2049, 12, 31, tzinfo=NOON.tzinfo),
        "after": datetime(2051, 1, 1, tzinfo=NOON.tzinfo),
    }
    at_2050 = datetime(2050, 6, 1, tzinfo=NOON.tzinfo)
    far = {"after": datetime(2080, 1, 1, tzinfo=NOON.tzinfo)}
    cases += [
        Case("generalized-time-after-2049", [root(**far), authority(**far), leaf(**late)], at=at_2050),
        Case("signer-outlives-ca", [root(), authority(), leaf(after=NOON + 9 * YEAR)]),
        Case("signer-older-than-ca", [root(), authority(), leaf(before=NOON - 9 * YEAR)]),
        Case(
            "never-valid",
            [root(), authority(), leaf(before=NOON + HOUR, after=NOON - HOUR)],
            "pki.not-yet-valid",
        ),
    ]
    return cases


def _constraints_of_cas() -> list[Case]:
    self_issued = {"subject": name("CA"), "issuer": name("CA")}
    return [
        Case("no-basic-constraints", [root(), authority(ca=None), leaf()], "pki.issuer-not-ca"),
        Case("basic-constraints-not-ca", [root(), authority(ca=False), leaf()], "pki.issuer-not-ca"),
        Case("root-without-basic-constraints", [root(ca=None), authority(), leaf()]),
        Case("root-not-ca", [root(ca=False), authority(), leaf()], "pki.issuer-not-ca"),
        Case(
            "version-1-ca", [root(), authority(ca=None, usage=None, version=0), leaf()], "pki.issuer-not-ca"
        ),
        Case("version-1-signer", [root(), authority(), leaf(usage=None, version=0)]),
        Case("path-length-0-kept", [root(), authority(path_length=0), leaf()]),
        Case(
            "path-length-0-broken",
            [root(), authority(path_length=0), authority("B"), leaf()],
            "pki.path-length",
        ),
        Case("path-length-1-kept", [root(), authority(path_length=1), authority("B"), leaf()]),
        Case(
            "path-length-1-broken",
            [root(), authority(path_length=1), authority("B"), authority("C"), leaf()],
            "pki.path-length",
        ),
        Case("path-length-of-root", [root(path_length=0), authority(), leaf()], "pki.path-length"),
        Case("path-length-of-root-kept", [root(path_length=1), authority(), leaf()]),
        Case("path-length-huge", [root(path_length=2**200), authority(), leaf()]),
        Case("path-length-negative", [root(), authority(path_length=-1), leaf()], "pki.path-length"),
        Case(
            "self-issued-is-not-counted",
            [root(), authority(path_length=0), authority(**self_issued), leaf()],
        ),
        Case(
            "self-issued-then-another",
            [root(), authority(path_length=0), authority(**self_issued), authority("B"), leaf()],
            "pki.path-length",
        ),
        Case(
            "lower-ca-widens",
            [root(), authority(path_length=0), authority("B", path_length=5), leaf()],
            "pki.path-length",
        ),
        Case("signer-is-a-ca", [root(), authority(), leaf(ca=True, usage=[*SIGN, *CERT_SIGN])]),
        Case("signer-is-a-ca-under-length-0", [root(), authority(path_length=0), leaf(ca=True)]),
        Case(
            "ca-without-cert-sign", [root(), authority(usage=["cRLSign"]), leaf()], "pki.issuer-cannot-sign"
        ),
        Case("ca-for-signatures-only", [root(), authority(usage=SIGN), leaf()], "pki.issuer-cannot-sign"),
        Case("ca-without-key-usage", [root(), authority(usage=None), leaf()]),
        Case(
            "root-without-cert-sign", [root(usage=["cRLSign"]), authority(), leaf()], "pki.issuer-cannot-sign"
        ),
        Case("root-signs-directly", [root(), leaf()]),
        Case("signer-is-the-anchor", [root(usage=[*SIGN, *CERT_SIGN])]),
    ]


def _usages() -> list[Case]:
    def row(label: str, used: Usage, good: bool, **options: object) -> Case:
        expected = "" if good else "pki.wrong-usage"
        return Case(f"{used.value}-{label}", [root(), authority(), leaf(**options)], expected, usage=used)

    stamp, server, client = oids.TIME_STAMPING, oids.SERVER_AUTH, oids.CLIENT_AUTH
    anything = oids.ANY_EXTENDED_KEY_USAGE
    sign, ocsp = Usage.SIGNATURE, oids.OCSP_SIGNING
    return [
        row("no-key-usage", sign, True, usage=None),
        row("digital-signature", sign, True, usage=["digitalSignature"]),
        row("non-repudiation", sign, True, usage=["nonRepudiation"]),
        row("encipherment", sign, False, usage=["keyEncipherment"]),
        row("agreement", sign, False, usage=["keyAgreement"]),
        row("cert-sign", sign, False, usage=CERT_SIGN),
        row("email", sign, True, purposes=[oids.EMAIL_PROTECTION]),
        row("client-auth", sign, True, purposes=[client]),
        row("server-auth", sign, False, purposes=[server]),
        row("stamping", sign, False, purposes=[stamp]),
        row("server-and-email", sign, True, purposes=[server, oids.EMAIL_PROTECTION]),
        row("stamping-critical-alone", Usage.TIME_STAMP, True, purposes=[stamp], purposes_critical=True),
        row("stamping-not-critical", Usage.TIME_STAMP, False, purposes=[stamp]),
        row("stamping-and-more", Usage.TIME_STAMP, False, purposes=[stamp, client], purposes_critical=True),
        row("without", Usage.TIME_STAMP, False),
        row("any-purpose", Usage.TIME_STAMP, False, purposes=[anything], purposes_critical=True),
        row(
            "wrong-key-usage",
            Usage.TIME_STAMP,
            False,
            purposes=[stamp],
            purposes_critical=True,
            usage=CERT_SIGN,
        ),
        row("encipherment", Usage.ENCRYPTION, True, usage=["keyEncipherment"]),
        row("data-encipherment", Usage.ENCRYPTION, True, usage=["dataEncipherment"]),
        row("agreement", Usage.ENCRYPTION, True, usage=["keyAgreement"]),
        row("signature", Usage.ENCRYPTION, False),
        row("server-auth", Usage.SERVER, True, purposes=[server]),
        row("any-purpose", Usage.SERVER, True, purposes=[anything]),
        row("no-purpose", Usage.SERVER, True),
        row("client-only", Usage.SERVER, False, purposes=[client]),
        row("client-auth", Usage.STATION, True, purposes=[client]),
        row("server-only", Usage.STATION, False, purposes=[server]),
        row("encipherment", Usage.STATION, False, usage=["keyEncipherment"], purposes=[client]),
        row("ocsp-signing", Usage.OCSP, True, purposes=[ocsp]),
        row("without", Usage.OCSP, False),
        row("anything", Usage.ANY, True, usage=CERT_SIGN, purposes=[stamp]),
    ]


def _signatures_and_names() -> list[Case]:
    upper = build_name([("C", "CN"), ("O", "测试医院"), ("CN", "SOME CA")])
    lower = build_name([("C", "CN"), ("O", "测试医院"), ("CN", "some  ca ")])
    printable = der.sequence(
        *(
            der.set_of([der.sequence(der.oid(kind), der.tlv(tag, text.encode()))])
            for kind, tag, text in (
                ("2.5.4.6", der.PRINTABLE_STRING, "CN"),
                ("2.5.4.10", der.UTF8_STRING, "测试医院"),
                ("2.5.4.3", der.PRINTABLE_STRING, "Some CA"),
            )
        )
    )
    md5 = der.sequence(der.oid("1.2.840.113549.1.1.4"), der.null())
    unknown = der.sequence(der.oid("1.3.6.1.4.1.32473.9"))
    return [
        Case("signer-tampered", [root(), authority(), leaf(tampered=True)], "pki.bad-issuer-signature"),
        Case("ca-tampered", [root(), authority(tampered=True), leaf()], "pki.bad-issuer-signature"),
        Case("signed-by-another-key", [root(), authority(), leaf(signed_by=5)], "pki.bad-issuer-signature"),
        Case("signed-by-itself", [root(), authority(), leaf(signed_by=2)], "pki.bad-issuer-signature"),
        Case(
            "signed-by-the-root-instead", [root(), authority(), leaf(signed_by=0)], "pki.bad-issuer-signature"
        ),
        Case(
            "algorithm-md5",
            [root(), authority(), leaf(algorithm=md5)],
            "pki.unsupported-algorithm",
            UNDECIDED,
        ),
        Case(
            "algorithm-unknown",
            [root(), authority(), leaf(algorithm=unknown)],
            "pki.unsupported-algorithm",
            UNDECIDED,
        ),
        Case("no-anchor", [root(), authority(), leaf()], "pki.no-anchor", UNDECIDED, anchored=False),
        Case("intermediate-missing", [root(), authority(), leaf()], "pki.no-anchor", UNDECIDED, given=False),
        Case(
            "two-intermediates-missing",
            [root(), authority(), authority("B"), leaf()],
            "pki.no-anchor",
            UNDECIDED,
            given=False,
        ),
        Case(
            "issuer-name-differs",
            [root(), authority(), leaf(issuer=name("另一 CA"))],
            "pki.no-anchor",
            UNDECIDED,
        ),
        Case("issuer-name-case-and-blanks", [root(), authority(subject=upper), leaf(issuer=lower)]),
        Case("issuer-name-string-type", [root(), authority(subject=upper), leaf(issuer=printable)]),
        Case(
            "issuer-name-order",
            [root(), authority(), leaf(issuer=build_name([("CN", "CA"), ("O", "测试医院"), ("C", "CN")]))],
            "pki.no-anchor",
            UNDECIDED,
        ),
        Case(
            "empty-subject",
            [root(), authority(), leaf(subject=der.sequence(), extensions=[alternatives(("dns", "a.test"))])],
        ),
        Case("serial-zero", [root(), authority(), leaf(serial=-2)]),
        Case("serial-negative", [root(), authority(), leaf(serial=-(2**80))]),
        Case("serial-of-20-octets", [root(), authority(), leaf(serial=2**158)]),
        Case("serial-of-2000-octets", [root(), authority(), leaf(serial=2**16000)]),
        Case("same-key-everywhere", [root(key=0), authority(key=0), leaf(key=0)]),
        Case("eight-deep", [root(), *(authority(f"C{n}") for n in range(6)), leaf()]),
        Case(
            "nine-deep",
            [root(), *(authority(f"C{n}") for n in range(7)), leaf()],
            "pki.path-too-deep",
            UNDECIDED,
        ),
        Case(
            "twenty-deep",
            [root(), *(authority(f"C{n}") for n in range(18)), leaf()],
            "pki.path-too-deep",
            UNDECIDED,
        ),
    ]


def _critical() -> list[Case]:
    odd = "1.3.6.1.4.1.32473.77"
    mark = [(odd, True, der.null())]
    plain = [(odd, False, der.null())]
    no_rev = (oids.NO_REV_AVAIL, False, der.null())
    point = (oids.CRL_DISTRIBUTION_POINTS, False, der.sequence())
    return [
        Case(
            "critical-unknown-in-signer",
            [root(), authority(), leaf(extensions=mark)],
            "pki.unknown-critical",
            UNDECIDED,
        ),
        Case(
            "critical-unknown-in-ca",
            [root(), authority(extensions=mark), leaf()],
            "pki.unknown-critical",
            UNDECIDED,
        ),
        Case("critical-unknown-in-root", [root(extensions=mark), authority(), leaf()]),
        Case("not-critical-unknown", [root(), authority(extensions=plain), leaf(extensions=plain)]),
        Case(
            "critical-known-to-caller", [root(), authority(), leaf(extensions=mark)], known=frozenset({odd})
        ),
        Case(
            "critical-and-another-fault",
            [root(), authority(), leaf(extensions=mark, usage=CERT_SIGN)],
            "pki.wrong-usage",
        ),
        Case("no-rev-avail", [root(), authority(), leaf(extensions=[no_rev])]),
        Case(
            "no-rev-avail-on-a-ca",
            [root(), authority(extensions=[no_rev]), leaf()],
            "pki.no-rev-avail-misused",
        ),
        Case(
            "no-rev-avail-with-a-list",
            [root(), authority(), leaf(extensions=[no_rev, point])],
            "pki.no-rev-avail-misused",
        ),
    ]


def _name_constraints() -> list[Case]:
    bad = "pki.name-not-permitted"
    here = "C=CN,O=测试医院"

    def row(label: str, kind: str, base: str, text: str, permitted: bool, good: bool) -> Case:
        extension = constraints([(kind, base)]) if permitted else constraints((), [(kind, base)])
        signer = leaf() if kind == "dir" else leaf(extensions=[alternatives((kind, text))])
        side = "permitted" if permitted else "excluded"
        return Case(
            f"{kind}-{side}-{label}",
            [root(), authority(extensions=[extension]), signer],
            "" if good else bad,
        )

    rows = [
        row("same", "dns", "hospital.test", "hospital.test", True, True),
        row("below", "dns", "hospital.test", "a.b.hospital.test", True, True),
        row("case", "dns", "Hospital.TEST", "a.hospital.test", True, True),
        row("leading-dot", "dns", ".hospital.test", "a.hospital.test", True, True),
        row("other", "dns", "hospital.test", "other.test", True, False),
        row("suffix-of-a-label", "dns", "hospital.test", "evilhospital.test", True, False),
        row("empty-allows-all", "dns", "", "any.test", True, True),
        row("below", "dns", "hospital.test", "a.hospital.test", False, False),
        row("other", "dns", "hospital.test", "other.test", False, True),
        row("empty-forbids-all", "dns", "", "any.test", False, False),
        row("host", "email", "hospital.test", "li@hospital.test", True, True),
        row("below-host", "email", "hospital.test", "li@a.hospital.test", True, False),
        row("domain", "email", ".hospital.test", "li@a.hospital.test", True, True),
        row("mailbox", "email", "li@hospital.test", "li@hospital.test", True, True),
        row("other-mailbox", "email", "li@hospital.test", "wang@hospital.test", True, False),
        row("host", "email", "hospital.test", "li@hospital.test", False, False),
        row("host", "uri", "hospital.test", "https://hospital.test/a", True, True),
        row("below", "uri", ".hospital.test", "https://a.hospital.test:8443/", True, True),
        row("other", "uri", "hospital.test", "https://other.test/hospital.test", True, False),
        row("userinfo", "uri", "hospital.test", "https://hospital.test@evil.test/", True, False),
        row("host", "uri", "hospital.test", "https://hospital.test/", False, False),
        row("inside", "ip", "0a000000ff000000", "0a010203", True, True),
        row("outside", "ip", "0a000000ff000000", "0b010203", True, False),
        row("inside", "ip", "0a000000ff000000", "0a010203", False, False),
        row("other-family", "ip", "0a000000ff000000", "0a" * 16, True, False),
        row("ipv6-inside", "ip", "fd" + "00" * 15 + "ff" + "00" * 15, "fd" + "01" * 15, True, True),
        row("malformed", "ip", "0a0000", "0a010203", True, False),
        row("inside", "dir", here, "", True, True),
        row("case", "dir", "C=cn,O=测试医院", "", True, True),
        row("other", "dir", "C=CN,O=另一医院", "", True, False),
        row("longer", "dir", "C=CN,O=测试医院,OU=内科", "", True, False),
        row("inside", "dir", here, "", False, False),
        row("other", "dir", "C=US", "", False, True),
    ]
    malformed = {"dns-excluded", "ip-permitted-malformed"}
    rows = [
        Case(case.id, case.chain, "pki.bad-constraints") if case.id in malformed else case for case in rows
    ]
    permit = constraints([("dns", "hospital.test")])
    ca = build_name([("C", "CN"), ("O", "外院"), ("CN", "B")])
    outside = leaf(extensions=[alternatives(("dns", "other.test"))])
    rows += [
        Case("constraint-of-a-kind-that-is-absent", [root(), authority(extensions=[permit]), leaf()]),
        Case("constraint-in-the-root", [root(extensions=[permit]), authority(), outside], bad),
        Case(
            "constraint-reaches-two-down",
            [root(), authority(extensions=[permit]), authority("B"), outside],
            bad,
        ),
        Case(
            "constraint-on-a-ca-below",
            [root(), authority(extensions=[constraints([("dir", here)])]), authority(subject=ca), leaf()],
            bad,
        ),
        Case(
            "lower-ca-cannot-widen",
            [
                root(),
                authority(extensions=[permit]),
                authority("B", extensions=[constraints([("dns", "")])]),
                outside,
            ],
            bad,
        ),
        Case(
            "excluded-wins",
            [
                root(),
                authority(extensions=[constraints([("dns", "hospital.test")], [("dns", "a.hospital.test")])]),
                leaf(extensions=[alternatives(("dns", "x.a.hospital.test"))]),
            ],
            bad,
        ),
        Case(
            "one-of-two-names-outside",
            [
                root(),
                authority(extensions=[permit]),
                leaf(extensions=[alternatives(("dns", "a.hospital.test"), ("dns", "b.test"))]),
            ],
            bad,
        ),
        Case(
            "one-of-two-bases",
            [
                root(),
                authority(extensions=[constraints([("dns", "x.test"), ("dns", "other.test")])]),
                outside,
            ],
        ),
        Case(
            "kind-not-processed",
            [
                root(),
                authority(extensions=[constraints([("other", "li")])]),
                leaf(extensions=[alternatives(("other", "li"))]),
            ],
            "pki.constraint-unknown",
            UNDECIDED,
        ),
        Case(
            "subject-address-outside",
            [
                root(),
                authority(extensions=[constraints([("email", "hospital.test")])]),
                leaf(subject=build_name([("CN", "li"), ("E", "li@other.test")])),
            ],
            bad,
        ),
        Case(
            "malformed",
            [root(), authority(extensions=[(oids.NAME_CONSTRAINTS, True, der.null())]), leaf()],
            "pki.bad-constraints",
        ),
        Case(
            "self-issued-ca-is-free",
            [
                root(),
                authority(extensions=[constraints([("dir", "C=CN,O=测试医院,CN=签名人")])]),
                authority(subject=name("CA"), issuer=name("CA")),
                leaf(),
            ],
        ),
    ]
    return rows


def _policies() -> list[Case]:
    bad = "pki.policy"
    one, two, both = frozenset({P1}), frozenset({P2}), frozenset({P1, P2})

    def row(
        label: str, ca: Sequence[tuple[str, bool, bytes]], signer: Sequence[tuple[str, bool, bytes]],
        asked: frozenset[str], good: bool, *middle: Sequence[tuple[str, bool, bytes]],
    ) -> Case:  # fmt: skip
        between = [authority(f"M{n}", extensions=extensions) for n, extensions in enumerate(middle)]
        chain = [root(), authority(extensions=ca), *between, leaf(extensions=signer)]
        return Case(f"policy-{label}", chain, "" if good else bad, policies=asked)

    return [
        row("none-asked-none-stated", [], [], frozenset(), True),
        row("asked-none-stated", [], [], one, False),
        row("asked-and-stated", [policies(P1)], [policies(P1)], one, True),
        row("asked-another", [policies(P1)], [policies(P1)], two, False),
        row("one-of-two-asked", [policies(P1)], [policies(P1)], both, True),
        row("signer-drops", [policies(P1)], [], one, False),
        row("ca-drops", [], [policies(P1)], one, False),
        row("no-intersection", [policies(P1)], [policies(P2)], both, False),
        row("intersection", [policies(P1, P2)], [policies(P2, P3)], two, True),
        row("any-in-ca", [policies(ANY)], [policies(P1)], one, True),
        row("any-in-signer", [policies(P1)], [policies(ANY)], one, True),
        row("any-everywhere", [policies(ANY)], [policies(ANY)], one, True),
        row("inhibit-any-in-ca", [policies(ANY), inhibit_any(0)], [policies(ANY)], one, False),
        row("inhibit-any-later", [policies(ANY), inhibit_any(1)], [policies(ANY)], one, True),
        row("inhibit-any-not-named", [policies(P1), inhibit_any(0)], [policies(P1)], one, True),
        row("explicit-0", [policies(P1), policy_constraints(0)], [], frozenset(), False),
        row("explicit-0-kept", [policies(P1), policy_constraints(0)], [policies(P1)], frozenset(), True),
        row("explicit-1", [policies(P1), policy_constraints(1)], [], frozenset(), False),
        row("explicit-2", [policies(P1), policy_constraints(2)], [], frozenset(), True),
        row("explicit-in-signer", [], [policy_constraints(0)], frozenset(), False),
        row("mapped", [policies(P1), mappings((P1, P2))], [policies(P2)], one, True),
        row("mapped-old-name", [policies(P1), mappings((P1, P2))], [policies(P1)], one, False),
        row("mapped-foreign-name-asked", [policies(P1), mappings((P1, P2))], [policies(P2)], two, False),
        row("mapped-twice", [policies(P1), mappings((P1, P2))], [policies(P3)], one, True,
            [policies(P2), mappings((P2, P3))]),
        row("mapping-inhibited", [policies(P1), policy_constraints(None, 0)], [policies(P2)], one, False,
            [policies(P1), mappings((P1, P2))]),
        row("mapping-inhibited-later", [policies(P1), policy_constraints(None, 1)], [policies(P2)], one, True,
            [policies(P1), mappings((P1, P2))]),
        row("mapped-under-any", [policies(ANY), mappings((P1, P2))], [policies(P2)], one, True),
        row("mapped-under-any-not-asked", [policies(ANY), mappings((P1, P2))], [policies(P2)], two, False),
        row("mapped-to-two", [policies(P1), mappings((P1, P2), (P1, P3))], [policies(P3)], one, True),
        row("two-mapped-to-one", [policies(P1, P2), mappings((P1, P3), (P2, P3))], [policies(P3)], two, True),
        Case("policy-any-mapped", [root(), authority(extensions=[policies(P1), mappings((ANY, P2))]), leaf()],
             "pki.bad-policies"),
        Case("policy-negative-skip", [root(), authority(extensions=[inhibit_any(-1)]), leaf()],
             "pki.bad-policies"),
        Case("policy-malformed",
             [root(), authority(extensions=[(oids.CERTIFICATE_POLICIES, False, der.null())]), leaf()],
             "pki.bad-policies"),
        row("root-is-not-asked", [policies(P1)], [policies(P1)], one, True),
    ]  # fmt: skip


CASES = (
    *_validity(),
    *_constraints_of_cas(),
    *_usages(),
    *_signatures_and_names(),
    *_critical(),
    *_name_constraints(),
    *_policies(),
)
