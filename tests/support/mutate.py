"""Damaged inputs for readers of DER: bytes changed at random, or one field changed and all re-encoded."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from signing.sm import der
from signing.sm.errors import SmError

_TAGS = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0A, 0x0C, 0x13, 0x16, 0x17, 0x18, 0x1E, 0x30, 0x31)
_TAGS_OF_CONTEXT = tuple(base | number for base in (0x80, 0xA0) for number in range(6))
_OIDS = tuple(
    der.oid(each)[2:]
    for each in (
        "1.2.156.10197.1.301", "1.2.156.10197.1.301.1", "1.2.156.10197.1.401", "1.2.156.10197.1.501",
        "1.2.840.10045.2.1", "1.2.840.10045.3.1.7", "1.2.840.113549.1.1.1", "1.2.840.113549.1.7.1",
        "1.2.840.113549.1.7.2", "1.2.156.10197.6.1.4.2.2", "2.5.29.15", "2.5.29.19", "2.5.29.30", "2.5.29.32",
        "2.5.29.37", "2.5.29.54", "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1", "2.25.3298007356985866",
    )
)  # fmt: skip
_CONTENTS = (b"", b"\0", b"\x7f", b"\x80", b"\xff", b"\0\0", b"\xff" * 9, b"\0" * 33, b"20260601040000Z",
             b"260601040000Z", b"99991231235959Z", b"*", "长".encode(), b"\x05\x00", b"\x30\x00")  # fmt: skip


@dataclass
class Node:
    """One element as a tree; a string whose content is itself DER has a child after its `prefix`."""

    tag: int
    content: bytes
    children: list[Node] | None = None
    prefix: bytes = b""
    indefinite: bool = False
    long_length: bool = False

    def encode(self) -> bytes:
        """The element with right lengths, in the form that was chosen for it."""
        body = self.content
        if self.children is not None:
            body = self.prefix + b"".join(child.encode() for child in self.children)
        if self.indefinite and self.tag & 0x20:
            return bytes((self.tag, 0x80)) + body + b"\0\0"
        if self.long_length:
            return bytes((self.tag, 0x84)) + len(body).to_bytes(4, "big") + body
        return der.tlv(self.tag, body)


def tree(data: bytes, depth: int = 0) -> Node:
    """The tree of one DER element; strings that hold DER are opened as well.

    Raises:
        SmError: `data` is not DER.
    """
    element = der.read_one(data)
    if depth < 30:
        if element.tag & 0x20:
            children = [tree(part.raw, depth + 1) for part in der.Reader(element.content).rest(100_000)]
            return Node(element.tag, element.content, children)
        skip = {der.OCTET_STRING: 0, der.BIT_STRING: 1}.get(element.tag)
        if skip is not None and element.content[skip : skip + 1] == b"\x30":
            try:
                inner = [tree(element.content[skip:], depth + 1)]
                return Node(element.tag, element.content, inner, element.content[:skip])
            except SmError:
                pass
    return Node(element.tag, element.content)


def mutated(seeds: list[bytes], random: Random) -> bytes:
    """One input made from one of `seeds`: three in four structure-aware, the rest by bytes."""
    data = random.choice(seeds)
    if random.random() < 0.25:
        return _bytes(data, random)
    root = tree(data)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        _change(root, random)
    encoded = root.encode()
    return _bytes(encoded, random) if random.random() < 0.05 else encoded


def _bytes(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8))):
        at = random.randrange(len(changed)) if changed else 0
        match random.randrange(5):
            case 0 if changed:
                changed[at] ^= 1 << random.randrange(8)
            case 1 if changed:
                changed[at] = random.randrange(256)
            case 2:
                del changed[at : at + random.randrange(1, 20)]
            case 3:
                changed[at:at] = random.randbytes(random.randrange(1, 20))
            case _:
                del changed[at:]
    return bytes(changed)


def _change(root: Node, random: Random) -> None:
    parents = [node for node in _all(root) if node.children]
    leaves = [node for node in _all(root) if node.children is None]
    if parents and (random.random() < 0.4 or not leaves):
        _rearrange(random.choice(parents), random)
    elif leaves:
        _rewrite(random.choice(leaves), random)


def _rearrange(parent: Node, random: Random) -> None:
    children = parent.children
    assert children
    at = random.randrange(len(children))
    match random.randrange(9):
        case 0:
            del children[at]
        case 1:
            children.insert(at, children[random.randrange(len(children))])
        case 2:
            random.shuffle(children)
        case 3:
            children[at] = Node(random.choice((0x30, 0x31, 0xA0, 0xA1)), b"", [children[at]])
        case 4:
            children[at] = Node(random.choice(_TAGS), random.choice(_CONTENTS))
        case 5:
            parent.indefinite = True
        case 6:
            parent.long_length = True
        case 7:
            parent.tag = random.choice((*_TAGS, *_TAGS_OF_CONTEXT))
        case _:
            children.extend([children[at]] * random.choice((1, 2, 20, 70)))


def _rewrite(leaf: Node, random: Random) -> None:
    match random.randrange(6):
        case 0:
            leaf.content = random.choice(_CONTENTS)
        case 1:
            leaf.tag = random.choice((*_TAGS, *_TAGS_OF_CONTEXT))
        case 2:
            leaf.content = (
                random.choice(_OIDS) if leaf.tag == der.OID else random.randbytes(random.randrange(40))
            )
        case 3:
            value = random.choice((0, 1, -1, 2, 127, 128, 2**64, -(2**63), 2**160, 2**4096))
            leaf.content = der.integer(value)[2:] if abs(value) < 2**900 else b"\x7f" + bytes(512)
        case 4:
            leaf.content = _bytes(leaf.content, random)
        case _:
            leaf.content = leaf.content * random.choice((2, 3, 50))


def _all(node: Node) -> list[Node]:
    found = [node]
    for child in node.children or ():
        found += _all(child)
    return found
