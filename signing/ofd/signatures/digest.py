"""The document digest: what a signer saw, computable before the signature exists (`docs/verifying.md`)."""

from __future__ import annotations

from collections.abc import Iterable

from signing.ofd.package import OfdPackage, open_package
from signing.ofd.signatures.listing import SignatureFile, SignatureList, read_lists
from signing.ofd.signatures.normal_form import require_normalised
from signing.sm import sm3


def document_digest(data: bytes, *, body: int = 0) -> bytes:
    """SM3 (32 bytes) of what the next signature of this OFD will protect.

    The digest is over the lines `path SP hex(SM3(member)) LF`, sorted by the UTF-8 bytes of the path, of
    every member but the signature lists; the path begins with `/`, the hex digits are lower case. `body` is
    the document body that will be signed; it must have been normalised.

    Raises:
        OfdError: not a readable OFD.
        OfdSignError: `ofdsign.not-normalised`.
    """
    package = open_package(data)
    lists = read_lists(package)
    require_normalised(lists, body)
    return digest_of_lines(member_digests(package, lists).items())


def member_digests(package: OfdPackage, lists: Iterable[SignatureList]) -> dict[str, bytes]:
    """`/path` to SM3 of each member that a new signature protects, in the order of the package."""
    open_lists = {item.member for item in lists}
    return {"/" + name: sm3(package.read(name)) for name in package.names() if name not in open_lists}


def digest_of_lines(digests: Iterable[tuple[str, bytes]]) -> bytes:
    """SM3 over the sorted lines."""
    lines = sorted((path.encode("utf-8"), digest.hex().encode("ascii")) for path, digest in digests)
    return sm3(b"".join(path + b" " + digest + b"\n" for path, digest in lines))


def digest_of_signature(file: SignatureFile) -> bytes:
    """The same digest, from the References of a Signature.xml but those in the signature's own folder."""
    own = "/" + file.folder + "/"
    return digest_of_lines(
        (reference.location, reference.digest or b"")
        for reference in file.references
        if not reference.location.startswith(own)
    )
