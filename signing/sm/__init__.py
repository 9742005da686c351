"""SM2, SM3 and SM4 (GM/T 0003, 0004, 0002; GM/T 0009 encodings): the only room that touches SM2 keys."""

from signing.sm.ciphertext import Ciphertext, CiphertextForm, read_ciphertext
from signing.sm.der import check_der
from signing.sm.errors import SmError
from signing.sm.hashes import Sm3, hmac_sm3, kdf, new_sm3, sm3
from signing.sm.keys import DEFAULT_ID, SM2PrivateKey, SM2PublicKey, message_digest
from signing.sm.signature import decode_signature, der_to_raw, encode_signature, raw_to_der, read_signature
from signing.sm.sm4 import (
    sm4_cbc_decrypt,
    sm4_cbc_encrypt,
    sm4_ctr,
    sm4_ecb_decrypt,
    sm4_ecb_encrypt,
    sm4_gcm_decrypt,
    sm4_gcm_encrypt,
)

__all__ = [
    "DEFAULT_ID",
    "Ciphertext",
    "CiphertextForm",
    "SM2PrivateKey",
    "SM2PublicKey",
    "Sm3",
    "SmError",
    "check_der",
    "decode_signature",
    "der_to_raw",
    "encode_signature",
    "hmac_sm3",
    "kdf",
    "message_digest",
    "new_sm3",
    "raw_to_der",
    "read_ciphertext",
    "read_signature",
    "sm3",
    "sm4_cbc_decrypt",
    "sm4_cbc_encrypt",
    "sm4_ctr",
    "sm4_ecb_decrypt",
    "sm4_ecb_encrypt",
    "sm4_gcm_decrypt",
    "sm4_gcm_encrypt",
]
