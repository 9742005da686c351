"""A small SNTP server of the tests: it knows the true time, and errs only where it is told to."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from server_stub.clock import packet as ntp


@dataclass
class Behaviour:
    """Injected delays in seconds, the share of lost packets, and a lie in seconds.

    `asymmetry` is added to the way there alone. `change` may turn the answer into another, or into none.
    """

    delay: float = 0.0
    asymmetry: float = 0.0
    loss: float = 0.0
    lie: float = 0.0
    seed: int = 1
    change: Callable[[ntp.Packet], ntp.Packet | bytes | None] = field(default=lambda packet: packet)


class ReferenceServer:
    """Serves `time_ns` (by default the system's clock) on a loopback port of its own, one thread."""

    def __init__(
        self, behaviour: Behaviour | None = None, *, time_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.asked: list[bytes] = []
        self._random = random.Random(self.behaviour.seed)
        self._time_ns = time_ns
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.port: int = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> ReferenceServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                data, sender = self._socket.recvfrom(2048)
            except TimeoutError:
                continue
            self.asked.append(data)
            how = self.behaviour
            if self._random.random() < how.loss:
                continue
            time.sleep(how.delay / 2 + how.asymmetry)
            query = ntp.decode(data)
            moment = self._time_ns() + round(how.lie * ntp.NANO)
            answer = how.change(
                ntp.Packet(
                    mode=ntp.SERVER,
                    stratum=1,
                    precision=-20,
                    reference_id=b"TEST",
                    reference=ntp.to_stamp(moment),
                    origin=query.transmit,
                    receive=ntp.to_stamp(moment),
                    transmit=ntp.to_stamp(moment),
                )
            )
            time.sleep(how.delay / 2)
            if isinstance(answer, ntp.Packet):
                answer = ntp.encode(answer)
            if answer is not None:
                self._socket.sendto(answer, sender)
