"""Bouncy Castle beside our own verifiers: starts `java/PenwardOracle.java` once and asks it line by line."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

SOURCE = Path(__file__).with_name("java") / "PenwardOracle.java"
CACHE = Path(__file__).resolve().parent.parent.parent / ".cache" / "oracles"
JARS = tuple(Path("/usr/share/java") / name for name in ("bcprov.jar", "bcpkix.jar", "bcutil.jar"))


class OracleMissing(Exception):
    """Java or Bouncy Castle is not installed; the text says which package to install."""


class OracleRefused(AssertionError):
    """Bouncy Castle does not agree; the text is its reason."""


class BouncyCastle:
    """One JVM. Each `verify_*` returns what the oracle found or raises `OracleRefused` with its reason.

    All certificates, messages and signatures are DER bytes. Not safe for use by several threads.
    """

    def __init__(self) -> None:
        classes = _compiled()
        class_path = os.pathsep.join(map(str, (classes, *JARS)))
        self._process = subprocess.Popen(
            ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", class_path, "PenwardOracle"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def close(self) -> None:
        """End the JVM."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def verify_raw(self, certificate: bytes, message: bytes, signature: bytes) -> str:
        """A signature value over `message` under the certificate's key (SM2 with the default ID).

        For seals: `message` is the stored TBS_Sign or TBS_Seal. Returns the algorithm's name.
        """
        return self._ask("raw", certificate, message, signature).decode()

    def verify_chain(self, certificates: list[bytes]) -> int:
        """Leaf first, self-signed root last: each is signed by the next. Returns their count."""
        return int(self._ask("chain", *certificates))

    def verify_cms(self, cms: bytes, content: bytes | None = None) -> int:
        """Every signer of a SignedData, both dialects; `content` when detached. Returns the count of signers.

        Only signature values and attributes are checked, no path: use `verify_chain`. A PDF's /Contents
        is given without its zero padding.
        """
        return int(self._ask("cms", cms, *([] if content is None else [content])))

    def verify_tsp(self, token: bytes, message: bytes, tsa_certificate: bytes) -> datetime:
        """A token over `message`: signingCertificate, key usage, validity, imprint. Returns genTime."""
        return self._moment(self._ask("token", token, message, tsa_certificate))

    def verify_tsp_response(self, request: bytes, response: bytes, tsa_certificate: bytes) -> datetime:
        """A response against its request (imprint, nonce, policy), and its token. Returns genTime."""
        return self._moment(self._ask("response", request, response, tsa_certificate))

    def verify_crl(self, crl: bytes, issuer: bytes) -> int:
        """A revocation list under its issuer's certificate. Returns the count of entries."""
        return int(self._ask("crl", crl, issuer))

    def verify_ocsp(self, response: bytes, responder: bytes) -> int:
        """An OCSP response under its responder's certificate. Returns the count of answers."""
        return int(self._ask("ocsp", response, responder))

    def verify_request(self, request: bytes) -> str:
        """A certificate request under its own key. Returns its subject."""
        return self._ask("request", request).decode()

    def make_cms(self, content: bytes, *, attached: bool, attributes: bool) -> bytes:
        """A SignedData by Bouncy Castle with a fresh self-signed SM2 certificate inside."""
        return self._ask("make-cms", content, bytes([attached]), bytes([attributes]))

    def make_tsp_response(self, request: bytes) -> bytes:
        """A response to an SM3 request by Bouncy Castle with a fresh self-signed SM2 TSA."""
        return self._ask("make-response", request)

    @staticmethod
    def _moment(milliseconds: bytes) -> datetime:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)

    def _ask(self, command: str, *values: bytes) -> bytes:
        assert self._process.stdin and self._process.stdout
        words = [command, *(base64.b64encode(value).decode() for value in values)]
        self._process.stdin.write("\t".join(words).encode() + b"\n")
        self._process.stdin.flush()
        verdict, _, text = self._process.stdout.readline().rstrip(b"\n").partition(b"\t")
        answer = base64.b64decode(text)
        if verdict != b"ok":
            raise OracleRefused(answer.decode() or "the oracle ended")
        return answer


def _compiled() -> Path:
    """The folder of the compiled classes under .cache, named by the source's hash; built when new."""
    for program in ("java", "javac"):
        if shutil.which(program) is None:
            raise OracleMissing(f"{program} is not installed (apt install openjdk-17-jdk-headless)")
    missing = [jar.name for jar in JARS if not jar.exists()]
    if missing:
        raise OracleMissing(f"{', '.join(missing)} not found (apt install libbcpkix-java)")
    target = CACHE / hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    if not target.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=CACHE))
        class_path = os.pathsep.join(map(str, JARS))
        subprocess.run(["javac", "-nowarn", "-d", work, "-cp", class_path, SOURCE], check=True)
        try:
            work.rename(target)
        except OSError:  # another worker of the same session was first
            shutil.rmtree(work)
    return target
