"""Certificate login with mutual challenge: python3 svs_login.py SERVER KEY_FILE USER_CERT USER_KEY ROOTS

A Ukey signs in the place of `openssl dgst` at the user's PC; ROOTS is the hospital's SM2 root (PEM). openssl
is told the SM2 user id, for version 3 takes an empty one by default.
"""

import base64
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from svs_client import Svs, b64

server, key_file, user_certificate, user_key, roots = sys.argv[1:6]
ID = "distid:1234567812345678"


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    """The output of openssl; raises CalledProcessError when it refuses."""
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


folder = Path(tempfile.mkdtemp())
svs, mine = Svs.open(server, key_file), secrets.token_bytes(32)
der = openssl("x509", "-in", user_certificate, "-outform", "DER")
step = svs.ask("/login/begin", certificate_b64=b64(der), client_random_b64=b64(mine))
theirs = base64.b64decode(step["server_random_b64"])

# the server proves itself: its chain to our root, and its signature over both random numbers
above = Path(roots)
for place, item in enumerate([*reversed(step["server_chain_b64"]), step["server_certificate_b64"]]):
    lower = folder / f"{place}.pem"  # one step at a time: openssl 3 gives the user id to the last one alone
    lower.write_bytes(openssl("x509", "-inform", "DER", data=base64.b64decode(item)))
    openssl("verify", "-partial_chain", "-CAfile", str(above), "-vfyopt", ID, str(lower))
    above = lower
(folder / "public").write_bytes(openssl("x509", "-in", str(above), "-noout", "-pubkey"))
(folder / "signature").write_bytes(base64.b64decode(step["server_signature_b64"]))
message = b"penward-login-server-1\n" + mine + theirs + openssl("dgst", "-sm3", "-binary", data=der)
check = ("-verify", str(folder / "public"), "-signature", str(folder / "signature"))
openssl("dgst", "-sm3", "-sigopt", ID, *check, data=message)

# the user proves himself
signed = b"penward-login-user-1\n" + theirs + mine
signature = openssl("dgst", "-sm3", "-sigopt", ID, "-sign", user_key, data=signed)
print(svs.ask("/login/finish", login_id=step["login_id"], signature_b64=b64(signature))["common_name"])
