"""Certificate policies along a path (RFC 5280 §6.1), by sets instead of the tree.

The tree of the standard can be made to double at each certificate. What decides is only which policies of
the anchor's domain are still alive and what each is called now, so that is all that is kept: the work is
bounded by policies × mappings of one certificate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from signing.pki import oids
from signing.pki.certificate import Certificate
from signing.sm import SmError, der
from signing.verdict import Check, CheckName, Outcome

MAX_POLICIES = 256


def check_policies(path: tuple[Certificate, ...], required: frozenset[str]) -> Iterator[Check]:
    """Check `path` (signer first, anchor last): one of `required` must hold, any or none when it is empty."""
    try:
        yield from _walk(path, required)
    except SmError:
        yield Check(CheckName.CERTIFICATE_PATH, Outcome.FAIL, "pki.bad-policies", path[0].common_name, {})


@dataclass(frozen=True, slots=True)
class _Alive:
    """Policies of the anchor's domain with their names here; `every` when anyPolicy is still alive."""

    named: Mapping[str, frozenset[str]]
    every: bool

    def narrowed(self, stated: frozenset[str], any_allowed: bool) -> _Alive:
        """What is left when a certificate states `stated`, and anyPolicy if `any_allowed`."""
        kept = {policy: names if any_allowed else names & stated for policy, names in self.named.items()}
        named = {policy: names for policy, names in kept.items() if names}
        if self.every:
            known = frozenset[str]().union(*self.named.values())
            for policy in stated - known:
                named[policy] = named.get(policy, frozenset()) | {policy}
        return _Alive(named, self.every and any_allowed)

    def mapped(self, mappings: Mapping[str, frozenset[str]], allowed: bool) -> _Alive:
        """After a CA's policyMappings; where they are inhibited a mapped policy ends (§6.1.4 b 2)."""
        before = dict(self.named)
        if self.every and allowed:
            known = frozenset[str]().union(*self.named.values())
            before |= {policy: frozenset({policy}) for policy in set(mappings) - known}
        named: dict[str, frozenset[str]] = {}
        for policy, names in before.items():
            after = frozenset[str]().union(
                *(mappings[name] if allowed else () for name in names if name in mappings),
                names - set(mappings),
            )
            if after:
                named[policy] = after
        return _Alive(named, self.every)


def _walk(path: tuple[Certificate, ...], required: frozenset[str]) -> Iterator[Check]:
    count = len(path) - 1
    alive = _Alive({}, True)
    explicit = 0 if required else count + 1
    mapping, inhibit_any = count + 1, count + 1
    for index in range(count - 1, -1, -1):
        certificate = path[index]
        last = index == 0
        stated = _policies(certificate)
        if stated is None:
            alive = _Alive({}, False)
        else:
            any_allowed = oids.ANY_POLICY in stated and (
                inhibit_any > 0 or (not last and certificate.is_self_issued)
            )
            alive = alive.narrowed(stated - {oids.ANY_POLICY}, any_allowed)
        if last:
            explicit = 0 if _constraint(certificate, 0x80) == 0 else max(explicit - 1, 0)
            break
        if mappings := _mappings(certificate):
            alive = alive.mapped(mappings, mapping > 0)
        if not certificate.is_self_issued:
            explicit, mapping, inhibit_any = (max(n - 1, 0) for n in (explicit, mapping, inhibit_any))
        explicit = _lower(explicit, _constraint(certificate, 0x80))
        mapping = _lower(mapping, _constraint(certificate, 0x81))
        inhibit_any = _lower(inhibit_any, _inhibit_any(certificate))
    holds = alive.every or bool(set(alive.named) & required if required else alive.named)
    if count and explicit == 0 and not holds:
        yield Check(
            CheckName.CERTIFICATE_PATH,
            Outcome.FAIL,
            "pki.policy",
            path[0].common_name,
            {"policies": ", ".join(sorted(required))},
        )


def _policies(certificate: Certificate) -> frozenset[str] | None:
    value = certificate.extension(oids.CERTIFICATE_POLICIES)
    if value is None:
        return None
    return frozenset(
        item.reader().take(der.OID).dotted() for item in der.read_sequence(value).rest(MAX_POLICIES)
    )


def _mappings(certificate: Certificate) -> dict[str, frozenset[str]]:
    value = certificate.extension(oids.POLICY_MAPPINGS)
    found: dict[str, frozenset[str]] = {}
    for item in der.read_sequence(value).rest(MAX_POLICIES) if value is not None else ():
        reader = item.reader()
        issuer, subject = reader.take(der.OID).dotted(), reader.take(der.OID).dotted()
        reader.end()
        if oids.ANY_POLICY in (issuer, subject):
            raise SmError("sm.not-der", problem="anyPolicy is mapped")
        found[issuer] = found.get(issuer, frozenset()) | {subject}
    return found


def _constraint(certificate: Certificate, tag: int) -> int | None:
    value = certificate.extension(oids.POLICY_CONSTRAINTS)
    if value is None:
        return None
    reader = der.read_sequence(value)
    found = {field.tag: field.integer() for field in reader.rest(2)}
    return found.get(tag)


def _inhibit_any(certificate: Certificate) -> int | None:
    value = certificate.extension(oids.INHIBIT_ANY_POLICY)
    return None if value is None else der.read_one(value, der.INTEGER).integer()


def _lower(current: int, stated: int | None) -> int:
    if stated is None:
        return current
    if stated < 0:
        raise SmError("sm.not-der", problem="negative skip count")
    return min(current, stated)
