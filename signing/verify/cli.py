"""`penward-verify`: judges signed files offline, for people, programs and paper."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from signing.verdict import FileVerdict, Language, PenwardError, exit_status, say
from signing.verify.files import MAX_FILE_BYTES, undecided, verify_bytes
from signing.verify.text import lines

if TYPE_CHECKING:
    from signing.pki import Certificate

UNDECIDED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns 0 when everything checked is valid, 1 when something is broken, 2 when it cannot be decided:
    an unknown anchor, a file that is no signed document, a wrong option.
    """
    argv = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    language = _language(argv)
    options = _parser(language).parse_args(argv)
    try:
        anchors = _anchors(options.trust)
    except PenwardError as error:
        print(error.message(language), file=sys.stderr)
        return UNDECIDED
    verdicts = [_verdict(path, anchors, options.signature) for path in options.files]
    status = exit_status(verdicts)
    if options.json:
        document = {"exit_status": status, "files": [verdict.as_dict() for verdict in verdicts]}
        print(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        for number, verdict in enumerate(verdicts):
            print("\n" * bool(number) + "\n".join(lines(verdict, language)))
    if options.report is not None:
        try:
            _write_report(options.report, verdicts, language)
        except PenwardError as error:
            print(error.message(language), file=sys.stderr)
            return status or UNDECIDED
    return status


class VerifyError(PenwardError):
    """Something about the call itself; codes `verify.*`."""


def _verdict(path: Path, anchors: Sequence[Certificate], signature: int | None) -> FileVerdict:
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > MAX_FILE_BYTES:
                return undecided(str(path), "verify.too-large", limit=str(MAX_FILE_BYTES // (1024 * 1024)))
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return undecided(str(path), "verify.unreadable", detail=error.strerror or type(error).__name__)
    verdict = verify_bytes(str(path), data, anchors)
    if signature is None:
        return verdict
    try:
        return verdict.only(signature)
    except LookupError:
        return undecided(str(path), "verify.no-such-signature", number=str(signature))


def _anchors(folder: Path | None) -> Sequence[Certificate]:
    from signing.pki import installed_trust_folder, load_anchors

    if folder is not None:
        return load_anchors(folder)
    installed = installed_trust_folder()
    return load_anchors(installed) if installed.is_dir() else []


def _write_report(path: Path, verdicts: Sequence[FileVerdict], language: Language) -> None:
    from signing.pdf.report import build_report_pdf

    data = build_report_pdf(verdicts, language=language, generated_at=datetime.now(UTC))
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        detail = error.strerror or type(error).__name__
        raise VerifyError("verify.report-not-written", name=str(path), detail=detail) from error


def _language(argv: Sequence[str]) -> Language:
    """The language asked for, looked up before the help text is made."""
    for index, word in enumerate(argv):
        value = word.removeprefix("--lang=")
        if word == "--lang" and index + 1 < len(argv):
            value = argv[index + 1]
        if value == "en":
            return "en"
    return "zh_CN"


def _parser(language: Language) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="penward-verify",
        description=say("verify.help-description", language),
        epilog=say("verify.help-epilog", language),
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=say("verify.help-file", language))
    parser.add_argument("--trust", type=Path, metavar="DIR", help=say("verify.help-trust", language))
    parser.add_argument("--signature", type=int, metavar="N", help=say("verify.help-signature", language))
    parser.add_argument("--json", action="store_true", help=say("verify.help-json", language))
    parser.add_argument("--report", type=Path, metavar="OUT.pdf", help=say("verify.help-report", language))
    parser.add_argument(
        "--lang", choices=get_args(Language), default="zh_CN", help=say("verify.help-lang", language)
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
