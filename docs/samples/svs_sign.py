"""Sign a record and verify it: python3 svs_sign.py SERVER KEY_FILE ACCESS_CODE FILE"""

import sys
from pathlib import Path

from svs_client import Svs, b64

server, key_file, access_code, file = sys.argv[1:5]
svs = Svs.open(server, key_file)
data = b64(Path(file).read_bytes())
made = svs.run("SignData", signMethod=0x00020201, keyIndex=1, keyValue=access_code, inData=data)
certificate = svs.run("ExportCert", identification="#1")["cert"]
svs.run("VerifySignedData", type=1, cert=certificate, inData=data, signature=made["signature"], verifyLevel=1)
print(made["signature"])
