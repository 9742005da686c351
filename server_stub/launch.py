"""What the parent process tells each worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Launch:
    """The server's folder, and the passphrase that opens its key vault (never printed)."""

    directory: Path
    passphrase: str

    def __repr__(self) -> str:
        return f"Launch({str(self.directory)!r})"
