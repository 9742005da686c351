"""docs/ink-format.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from signing.evidence import EVENT_BINDING_OID
from signing.ink import MAX_RECORD_BYTES, InkDevice, Sample, encode_record

DOCS = Path(__file__).resolve().parents[3] / "docs"
DEVICE = InkDevice("k", "m", "s", "f", 11, 12, 13, 14, 15, 16, 17, True)


def test_a_reader_written_from_the_table_reads_a_record() -> None:
    """The offsets and types in the document, applied to bytes that we wrote."""
    text = (DOCS / "ink-format.md").read_text("utf-8")
    header, sample = text.split("### Header")[1].split("### Sample")
    sample = sample.split("### Trailer")[0]
    row = re.compile(r"^\| (\d+) \| (\d+) \| ([iu])(?:16|32|64) \|", re.MULTILINE)
    data = encode_record(DEVICE, [Sample(-1, 2, -3, 4, 5, 3, -1)], started_at_us=18)

    def read(table: str, base: int) -> list[int]:
        return [
            int.from_bytes(data[base + int(at) : base + int(at) + int(size)], "little", signed=kind == "i")
            for at, size, kind in row.findall(table)
        ]

    assert read(header, 0) == [1, 1, 18, 11, 12, 13, 14, 15, 16, 17, 0]
    assert data[:8].hex(" ").upper() in header
    assert data[52:60] == b"\x01k\x01m\x01s\x01f"
    assert read(sample, 60) == [-1, 2, -3, 4, 5, 3, -1]
    assert data[96:104].hex(" ").upper() in text and data[104:] == b"\x01\0\0\0"
    assert MAX_RECORD_BYTES == 1_076 + 36 * 2_000_000 + 12


def test_the_oid_is_written_down() -> None:
    """docs/evidence-format.md names the extension."""
    assert f"`{EVENT_BINDING_OID}`" in (DOCS / "evidence-format.md").read_text("utf-8")
