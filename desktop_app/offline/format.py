"""The journal's bytes: records under SM4-GCM, each bound to its place, and marks that tell a cut tail.

File: `PWJRNL1\\n` ‖ 16-byte salt, then records `u32 length ‖ ciphertext ‖ tag` (little-endian). The
file's key is the first half of HMAC-SM3(station's journal key, salt). Record n has the nonce n (12
bytes, big-endian) and the additional data magic ‖ salt ‖ n; its plaintext begins with a kind byte.
The mark file beside it has two slots of `u64 count ‖ tag`, written in turn after each sync: fewer
readable records than the highest valid mark means that the tail was cut.
"""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

from desktop_app.errors import DesktopError
from signing.sm import SmError, hmac_sm3, sm4_gcm_decrypt, sm4_gcm_encrypt

MAGIC = b"PWJRNL1\n"
SALT_BYTES = 16
KEY_BYTES = 16
MAX_RECORD = 32 * 1024 * 1024
MAX_FILE = 512 * 1024 * 1024
_LENGTH = struct.Struct("<I")
_MARK = struct.Struct("<Q")
MARK_SLOT = _MARK.size + 16


class RecordKind(enum.IntEnum):
    """What a record holds."""

    START = 1
    """JSON: task, signer, document, when."""
    INK_HEADER = 2
    """First bytes of an ink record: a new attempt begins."""
    SAMPLES = 3
    """Further bytes of that ink record."""
    CLEARED = 4
    """The attempt was wiped by the signer."""
    CONFIRMED = 5
    """The signer confirmed: JSON with the reading log."""
    PHOTO = 6
    """JSON header line, LF, JPEG bytes."""


class Record(NamedTuple):
    """One record, decrypted."""

    kind: RecordKind
    body: bytes


class FileCipher:
    """Encrypts and decrypts the records and marks of one journal file."""

    def __init__(self, station_key: bytes, salt: bytes) -> None:
        self._context = MAGIC + salt
        derived = hmac_sm3(station_key, b"penward journal\x00" + salt)
        self._record_key, self._mark_key = derived[:KEY_BYTES], derived[KEY_BYTES:]

    def seal(self, number: int, record: Record) -> bytes:
        """The stored bytes of record `number`."""
        if len(record.body) >= MAX_RECORD:
            raise DesktopError("desktop.journal-record-too-large")
        nonce = number.to_bytes(12, "big")
        sealed = sm4_gcm_encrypt(
            self._record_key, nonce, bytes([record.kind]) + record.body, self._context + nonce
        )
        return _LENGTH.pack(len(sealed)) + sealed

    def mark(self, count: int) -> bytes:
        """One slot of the mark file: `count` records were synced."""
        stored = _MARK.pack(count)
        return stored + sm4_gcm_encrypt(
            self._mark_key, count.to_bytes(12, "big"), b"", self._context + stored
        )

    def highest_mark(self, slots: bytes) -> int:
        """The highest count among the valid slots; 0 when there is none."""
        best = 0
        for offset in range(0, min(len(slots), 2 * MARK_SLOT), MARK_SLOT):
            slot = slots[offset : offset + MARK_SLOT]
            if len(slot) < MARK_SLOT:
                break
            (count,) = _MARK.unpack_from(slot)
            if count < 1 << 63 and self.mark(count) == slot:
                best = max(best, count)
        return best

    def open_all(self, data: bytes) -> tuple[list[Record], int]:
        """The readable records from the start of `data` (after the file header), and the bytes used.

        A torn last record ends the reading, as it does when the power fails in a write.

        Raises:
            DesktopError: `desktop.journal-damaged` when a whole record is not authentic.
        """
        records: list[Record] = []
        offset = 0
        while offset + _LENGTH.size <= len(data):
            (length,) = _LENGTH.unpack_from(data, offset)
            end = offset + _LENGTH.size + length
            if length > MAX_RECORD + 16:
                raise DesktopError("desktop.journal-damaged")
            if end > len(data):
                break
            nonce = len(records).to_bytes(12, "big")
            try:
                plain = sm4_gcm_decrypt(
                    self._record_key, nonce, data[offset + _LENGTH.size : end], self._context + nonce
                )
                records.append(Record(RecordKind(plain[0]), plain[1:]))
            except (SmError, IndexError, ValueError) as error:
                raise DesktopError("desktop.journal-damaged") from error
            offset = end
        return records, offset
