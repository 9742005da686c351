"""Measures the sign/verify service: `python tests/bench/svs.py [--seconds N] [--rounds N] [--workers 1 2]`.

SignData, VerifySignedData and SignMessage: first in process on one thread, then over HTTP with 64 connections
that stay open, each request signed by its caller. One worker runs on SQLite, more on a PostgreSQL started for
the run. Beside each served figure stand p50 and p99 of the answers and the load generator's share of one
processor: it takes that from the server on the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import datetime as dt
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

if TYPE_CHECKING:
    from tests.support.served import ServedHospital

CONNECTIONS = 64
CODE = "87654321"
CONTENT = b"x" * 300
METHOD = 0x00020201
Bodies = dict[str, bytes]


def main() -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a round (5)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median is told (3)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        bodies = in_process(Path(scratch) / "plain", options.seconds)
        for workers in options.workers:
            with database(workers) as url:
                folder = Path(scratch) / f"served-{workers}"
                make(folder, url)
                served(folder, workers, options.seconds, options.rounds, bodies)
    return 0


def make(folder: Path, url: str) -> None:
    """A hospital with an SM2 key of index 1."""
    from server_stub.app import demo_loaders, load_core
    from server_stub.config import load_settings
    from server_stub.setup import Plan, make_hospital, read_passphrase
    from server_stub.svs.making import make_key

    make_hospital(Plan(folder, "测试医院", True, None, database_url=url), demo_loaders=demo_loaders())
    core = load_core(load_settings(folder), read_passphrase(folder / "secrets" / "passphrase"))
    with core.store.database.write() as session:
        make_key(
            session, core.store, core.vault, core.hospital, index=1, name="测试", algorithm="sm2", code=CODE
        )
    core.close()


def in_process(folder: Path, seconds: float) -> Bodies:
    """Operations a second on one thread: the key alone, the service without HTTP. The requests to send."""
    from server_stub.app import load_core
    from server_stub.config import load_settings
    from server_stub.setup import read_passphrase
    from server_stub.svs import build_server
    from server_stub.svs.config import SvsConfig
    from server_stub.svs.fields import Fields, Request

    make(folder, "")
    core = load_core(load_settings(folder), read_passphrase(folder / "secrets" / "passphrase"))
    server = build_server(core.store, core.vault, core.hospital, folder, SvsConfig())
    key = server.ring.unlock(1, CODE, caller="bench")
    signature = key.signer.sign(CONTENT)
    rate("SM2 sign (our API)", seconds, lambda: key.signer.sign(CONTENT))
    public = key.certificate.public_key
    rate("SM2 verify (our API)", seconds, lambda: public.verify(signature, CONTENT))
    sign: dict[str, Any] = {"signMethod": METHOD, "keyIndex": 1, "keyValue": CODE, "inData": b64(CONTENT)}
    forms = {
        "SignData": sign,
        "VerifySignedData": {
            "type": 1,
            "certSN": "",
            "inData": b64(CONTENT),
            "signature": b64(signature),
            "verifyLevel": 1,
        },
        "SignMessage": {**sign, "originalText": "TRUE"},
    }
    for name, fields in forms.items():
        if name == "VerifySignedData":
            fields = {**fields, "cert": b64(key.certificate.der)}
        request = Request(name, Fields(fields), "bench")
        rate(f"{name} in process", seconds, lambda request=request: server.call(request))
    core.close()
    return {name: urlencode(fields).encode() for name, fields in forms.items()}


def rate(name: str, seconds: float, act: Callable[[], object]) -> None:
    """Print how often `act` runs in a second."""
    act()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        act()
        count += 1
    print(f"{name:<40}{count / (time.perf_counter() - begin):9.0f} /s", flush=True)


@contextlib.contextmanager
def database(workers: int) -> Iterator[str]:
    """Empty (SQLite) for one worker, else the URL of a fresh PostgreSQL database."""
    if workers == 1:
        yield ""
        return
    from tests.support import databases

    fixture: Any = databases.postgresql
    unwrap = getattr(fixture, "_get_wrapped_function", None)
    running = (unwrap() if unwrap else fixture.__wrapped__)()
    try:
        yield databases.new_database(next(running))
    finally:
        running.close()


def served(folder: Path, workers: int, seconds: float, rounds: int, bodies: Bodies) -> None:
    """Every operation over HTTP, the median of the rounds."""
    from tests.support.served import ServedHospital

    os.environ["PENWARD_WORKERS"] = str(workers)
    program = str(Path(sys.executable).parent / "penward-server")
    hospital = ServedHospital(folder, [program, "serve", str(folder), "--port", "0"])
    hospital.start()
    try:
        load = Load(hospital)
        certificate = asyncio.run(load.certificate())
        for name, body in bodies.items():
            if name == "VerifySignedData":  # of the hospital that is served: certificate and signature
                body = asyncio.run(load.proof(certificate))
            results = [asyncio.run(load.round(name, body, seconds)) for _ in range(rounds)]
            a_second, p50, p99, share = (statistics.median(column) for column in zip(*results, strict=True))
            print(
                f"{name + f' over HTTP, {workers} worker(s)':<40}{a_second:9.0f} /s"
                f"   p50 {p50 * 1000:6.1f} ms   p99 {p99 * 1000:6.1f} ms   load generator {share:4.0%}",
                flush=True,
            )
    finally:
        hospital.stop()
        hospital.http.session.close()
        del os.environ["PENWARD_WORKERS"]


class Load:
    """64 connections that send one request after the other."""

    def __init__(self, hospital: ServedHospital) -> None:
        parts = urlsplit(hospital.http.base)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._his = hospital.his

    async def certificate(self) -> str:
        """The certificate of key 1, base64."""
        from urllib.parse import parse_qs

        found = await self._once("ExportCert", b"identification=%231")
        return parse_qs(found.decode())["cert"][0]

    async def proof(self, certificate: str) -> bytes:
        """A request to verify a signature by key 1."""
        from urllib.parse import parse_qs

        fields = {"signMethod": METHOD, "keyIndex": 1, "keyValue": CODE, "inData": b64(CONTENT)}
        made = parse_qs((await self._once("SignData", urlencode(fields).encode())).decode())
        proof = {"type": 1, "cert": certificate, "inData": b64(CONTENT), "verifyLevel": 1}
        return urlencode({**proof, "signature": made["signature"][0]}).encode()

    async def round(self, name: str, body: bytes, seconds: float) -> tuple[float, float, float, float]:
        """(answers a second, p50, p99, share of one processor that this process took)."""
        await self._once(name, body)
        took: list[float] = []
        begin, used = time.perf_counter(), cpu()
        end = begin + seconds
        await asyncio.gather(*(self._connection(name, body, end, took) for _ in range(CONNECTIONS)))
        elapsed = time.perf_counter() - begin
        took.sort()
        p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
        return len(took) / elapsed, p50, p99, (cpu() - used) / elapsed

    async def _connection(self, name: str, body: bytes, end: float, took: list[float]) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        while time.perf_counter() < end:
            begin = time.perf_counter()
            answer = await self._exchange(reader, writer, name, body)
            took.append(time.perf_counter() - begin)
            if not answer.startswith(b"respValue=0"):
                raise RuntimeError(answer[:200].decode())
        writer.close()

    async def _once(self, name: str, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            return await self._exchange(reader, writer, name, body)
        finally:
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str, body: bytes
    ) -> bytes:
        from signing.wire import Request, new_nonce, sign_request_hmac

        path = f"/svs/{name}"
        header = sign_request_hmac(
            Request("POST", path, [], body),
            secret=self._his.secret,
            key_id=self._his.key_id,
            now=dt.datetime.now(dt.UTC),
            nonce=new_nonce(),
        )
        head = (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Authorization: {header}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        size = 0
        while (line := await reader.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                size = int(line.split(b":")[1])
        return await reader.readexactly(size)


def cpu() -> float:
    """Seconds of processor that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def b64(data: bytes) -> str:
    """Base64 text."""
    return base64.b64encode(data).decode("ascii")


if __name__ == "__main__":
    sys.exit(main())
