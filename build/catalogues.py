"""Compile the message catalogues: every `.po` under resources/locale to the `.mo` beside it.

`--check` writes nothing and exits 1 when a `.mo` is not what its `.po` compiles to.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).resolve().parent.parent / "resources" / "locale"


def compiled(po: Path) -> bytes:
    """The bytes of the `.mo` file that belongs to `po`."""
    with po.open("rb") as stream:
        catalogue = read_po(stream, locale=po.parts[-3], abort_invalid=True)
    # The header would hold the time of compiling: the same .po must always give the same .mo.
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def main(arguments: list[str]) -> int:
    """Compile or check all catalogues."""
    stale = []
    for po in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        mo = po.with_suffix(".mo")
        content = compiled(po)
        if mo.exists() and mo.read_bytes() == content:
            continue
        if "--check" in arguments:
            stale.append(po)
        else:
            mo.write_bytes(content)
            print(f"compiled {po.relative_to(LOCALE)}")
    for po in stale:
        print(f"stale: {po.relative_to(LOCALE)}; run build/catalogues.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
