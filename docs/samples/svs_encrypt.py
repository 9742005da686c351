"""Encrypt and decrypt a field with a managed SM4 key: python3 svs_encrypt.py SERVER KEY_FILE TEXT"""

import base64
import contextlib
import sys

from his_client import Refused
from svs_client import Svs, b64

server, key_file, text = sys.argv[1:4]
svs = Svs.open(server, key_file)
with contextlib.suppress(Refused):  # it is there already
    svs.ask("/data-keys", name="patients", purpose="encrypt")
sealed = svs.ask("/data-keys/patients/encrypt", plaintext_b64=b64(text.encode()), context="patient-1.phone")
opened = svs.ask("/data-keys/patients/decrypt", context="patient-1.phone", **sealed)
print(sealed["ciphertext_b64"], base64.b64decode(opened["plaintext_b64"]).decode())
