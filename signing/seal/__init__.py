"""Seals and seal signatures of GB/T 38540-2020 (v4), GM/T 0031-2014 (v1) and GM/T 0031-2025 (v5)."""

from signing.seal.build import build_seal_signature_v4, build_seal_v4, chain_extension
from signing.seal.errors import SealError
from signing.seal.model import (
    CHAIN_OID,
    SM2_WITH_SM3,
    SM3,
    Extension,
    Layout,
    Picture,
    Seal,
    SealSignature,
)
from signing.seal.parse import looks_like_seal_signature, parse_seal, parse_seal_signature

__all__ = [
    "CHAIN_OID",
    "SM2_WITH_SM3",
    "SM3",
    "Extension",
    "Layout",
    "Picture",
    "Seal",
    "SealError",
    "SealSignature",
    "build_seal_signature_v4",
    "build_seal_v4",
    "chain_extension",
    "looks_like_seal_signature",
    "parse_seal",
    "parse_seal_signature",
]
