"""Protect a record by HMAC-SM3 and check it later: python3 svs_integrity.py SERVER KEY_FILE RECORD_ID FILE"""

import contextlib
import sys
from pathlib import Path

from his_client import Refused
from svs_client import Svs, b64

server, key_file, record, file = sys.argv[1:5]
svs = Svs.open(server, key_file)
with contextlib.suppress(Refused):  # it is there already
    svs.ask("/data-keys", name="records", purpose="mac")
content = b64(Path(file).read_bytes())
protected = svs.ask("/data-keys/records/mac", record=record, content_b64=content)
print(svs.ask("/data-keys/records/mac/verify", record=record, content_b64=content, **protected)["intact"])
