"""Known-answer tests that a backend must pass before it may hold a key (examples of GM/T 0003.5)."""

from __future__ import annotations

from collections.abc import Callable

from signing.sm import der
from signing.sm.backend import Backend
from signing.sm.errors import SmError
from signing.sm.hashes import sm3

D = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
POINT = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
E_DIGEST = bytes.fromhex("f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640")
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
PLAINTEXT = b"encryption standard"
CIPHERTEXT = der.sequence(
    der.integer(0x04EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73),
    der.integer(0xE858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0),
    der.octet_string(bytes.fromhex("59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766")),
    der.octet_string(bytes.fromhex("21886ca989ca9c7d58087307ca93092d651efa")),
)
SM3_ABC = bytes.fromhex("66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0")


def check_backend(backend: Backend) -> None:
    """Run all tests.

    Raises:
        SmError: `sm.known-answer` naming the test that failed.
    """
    signature = der.sequence(der.integer(R), der.integer(S))
    public = backend.load_public(POINT)
    private = backend.load_private(D, POINT)
    fresh = backend.generate()
    try:
        _expect(sm3(b"abc") == SM3_ABC, "SM3")
        _expect(private.public_point == POINT, "public key")
        _expect(public.verify_digest(signature, E_DIGEST), "verify")
        _expect(not public.verify_digest(signature, sm3(E_DIGEST)), "verify another digest")
        _expect(public.verify_digest(private.sign_digest(E_DIGEST), E_DIGEST), "sign")
        _expect(private.decrypt(CIPHERTEXT) == PLAINTEXT, "decrypt")
        _expect(private.decrypt(public.encrypt(PLAINTEXT)) == PLAINTEXT, "encrypt")
        _expect(_refuses(private.decrypt, CIPHERTEXT[:-1] + b"\xfb"), "decrypt a changed ciphertext")
        own = backend.load_public(fresh.public_point)
        _expect(own.verify_digest(fresh.sign_digest(E_DIGEST), E_DIGEST), "generate")
    finally:
        private.destroy()
        fresh.destroy()
    _expect(_refuses(private.sign_digest, E_DIGEST), "destroy")


def _refuses(operation: Callable[[bytes], bytes], value: bytes) -> bool:
    try:
        operation(value)
    except SmError:
        return True
    return False


def _expect(passed: bool, test: str) -> None:
    if not passed:
        raise SmError("sm.known-answer", test=test)
