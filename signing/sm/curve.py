"""The SM2 recommended curve (GM/T 0003.5): constants and checks on public values only.

No arithmetic on secrets happens in Python: keys are made and used inside a backend.
"""

from __future__ import annotations

from signing.sm.errors import SmError

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
GX = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
GY = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0

SCALAR_SIZE = 32
POINT_SIZE = 65


def check_point(point: bytes) -> bytes:
    """`point` when it is 04‖X‖Y (65 bytes) and lies on the curve; the cofactor is 1.

    Raises:
        SmError: `sm.bad-point`.
    """
    if len(point) != POINT_SIZE or point[0] != 4:
        raise SmError("sm.bad-point")
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    if x >= P or y >= P or (y * y - (x * x * x + A * x + B)) % P:
        raise SmError("sm.bad-point")
    return point


def decompress(point: bytes) -> bytes:
    """04‖X‖Y of a compressed point 02‖X or 03‖X (33 bytes); an uncompressed point is checked and returned.

    Raises:
        SmError: `sm.bad-point`.
    """
    if len(point) == POINT_SIZE:
        return check_point(point)
    if len(point) != SCALAR_SIZE + 1 or point[0] not in (2, 3):
        raise SmError("sm.bad-point")
    x = int.from_bytes(point[1:], "big")
    y = pow((x * x * x + A * x + B) % P, (P + 1) // 4, P)
    if y & 1 != point[0] & 1:
        y = P - y
    return check_point(b"\x04" + point[1:] + y.to_bytes(SCALAR_SIZE, "big"))


def check_scalar(scalar: bytes) -> bytes:
    """`scalar` when it is a private key: 32 bytes, 1 ≤ d ≤ n−2 (GM/T 0003.1 §6.1).

    Raises:
        SmError: `sm.bad-private-key`.
    """
    if len(scalar) != SCALAR_SIZE or not 1 <= int.from_bytes(scalar, "big") <= N - 2:
        raise SmError("sm.bad-private-key")
    return scalar
