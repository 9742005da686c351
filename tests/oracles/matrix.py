"""The oracle matrix: what each implementation that is not ours said of each artefact of ours."""

from __future__ import annotations

from collections.abc import Iterable

PROPERTY = "oracle-cell"
Cell = tuple[str, str, str, str]


def lines(cells: Iterable[Cell]) -> list[str]:
    """A table: rows artefact and algorithm, columns implementation, `·` where a tool cannot do it."""
    found = {(artefact, algorithm, tool): verdict for artefact, algorithm, tool, verdict in cells}
    tools = sorted({tool for _, _, tool in found})
    rows = sorted({(artefact, algorithm) for artefact, algorithm, _ in found})
    width = max(len(f"{artefact} {algorithm}") for artefact, algorithm in rows)
    head = " " * width + "  " + "  ".join(tools)
    body = [
        f"{artefact} {algorithm}".ljust(width)
        + "  "
        + "  ".join(found.get((artefact, algorithm, tool), "·").center(len(tool)) for tool in tools)
        for artefact, algorithm in rows
    ]
    return [head, *body]
