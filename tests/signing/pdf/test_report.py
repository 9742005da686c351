"""R47: the report for people: Chinese, every verdict a line, test anchors marked, fonts embedded."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest

from signing.pdf import FontError, build_report_pdf, find_text, open_pdf, render_page, verify_pdf
from signing.pdf.fonts import MISSING, FontFile, cut, find_fonts, runs
from signing.verdict import Check, CheckName, FileVerdict, Outcome, SignatureVerdict
from tests.support.hospital import Hospital

AT = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)


def _report(*verdicts: FileVerdict, language: str = "zh_CN") -> bytes:
    return build_report_pdf(verdicts, language=language, generated_at=AT)  # type: ignore[arg-type]


def _has(data: bytes, text: str) -> bool:
    return bool(find_text(data, text))


def test_one_page_in_chinese_with_the_test_mark(hospital: Hospital, signed: bytes) -> None:
    """A signed document of a test hospital: one page, valid, marked 测试."""
    data = _report(verify_pdf(signed, anchors=[hospital.root], name="consent-signed.pdf"))
    with open_pdf(data) as document:
        assert document.page_count == 1
    assert _has(data, "全部有效")
    assert _has(data, "测试：信任链")
    assert _has(data, "王小明")
    assert _has(data, "consent-signed.pdf")
    with pikepdf.open(io.BytesIO(data)) as document:
        fonts = [o for o in document.objects if isinstance(o, pikepdf.Dictionary) and o.get("/FontFile2")]
        assert fonts


def test_every_label_and_outcome_is_there(hospital: Hospital, signed: bytes) -> None:
    """Broken and undecided files say so, each failed check on a line of its own."""
    broken = signed.replace(b"Consent", b"Refusal", 1)
    data = _report(
        verify_pdf(broken, anchors=[hospital.root], name="broken.pdf"),
        verify_pdf(signed, anchors=[], name="no-anchor.pdf"),
    )
    for text in ("不可采信", "不通过", "无法判定", "证据绑定", "完整性", "没有找到"):
        assert _has(data, text), text
    english = _report(verify_pdf(broken, anchors=[hospital.root], name="broken.pdf"), language="en")
    assert _has(english, "a check has failed")


def test_the_same_input_gives_the_same_bytes(hospital: Hospital, signed: bytes) -> None:
    """Nothing in the report comes from the moment or the machine but what was passed in."""
    verdict = verify_pdf(signed, anchors=[hospital.root], name="x.pdf")
    assert _report(verdict) == _report(verdict)


def test_long_and_strange_input_makes_more_pages_not_an_error() -> None:
    """Many checks, markup, control characters, characters without a glyph, endless words."""
    checks = tuple(
        Check(
            CheckName.UNPROTECTED,
            Outcome.UNDECIDED,
            "pdfsign.uncovered-tail",
            f"<b>&{n}\x00\n𠮷" + "长" * 400,
        )
        for n in range(600)
    )
    inner = FileVerdict("内.pdf", "pdf", (SignatureVerdict(1, "new-kind", "", checks),))
    data = _report(FileVerdict("evidence.zip", "evidence", (), (), (inner,)))
    with open_pdf(data) as document:
        assert document.page_count > 3
    assert _has(data, "U+20BB7")
    assert _has(data, "未列出")


def test_nothing_at_all() -> None:
    """No file: still a page."""
    image = render_page(_report(), 0, 30)
    assert image.width > 200


def test_a_named_font_is_taken_or_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PENWARD_FONT: the font of the file named there, or a sentence."""
    first = find_fonts()[0]
    monkeypatch.setenv("PENWARD_FONT", f"{first.path}#{first.index}")
    assert find_fonts()[0].path == first.path
    bad = tmp_path / "bad.ttf"
    bad.write_bytes(b"no font")
    monkeypatch.setenv("PENWARD_FONT", str(bad))
    with pytest.raises(FontError) as caught:
        find_fonts()
    assert caught.value.code == "report.bad-font"


def test_no_font_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a Chinese font: what to install is said."""
    monkeypatch.delenv("PENWARD_FONT", raising=False)
    monkeypatch.setattr("signing.pdf.fonts._installed", lambda: ())
    with pytest.raises(FontError) as caught:
        _report()
    assert caught.value.code == "report.no-font"
    assert "PENWARD_FONT" in caught.value.message("zh_CN")


def test_runs_choose_the_first_font_that_has_the_character() -> None:
    """A character that no font has is spelled out."""
    latin = FontFile(Path("a"), 0, frozenset(map(ord, "abc U+()0123456789□" + MISSING)))
    chinese = FontFile(Path("b"), 0, frozenset(map(ord, "签名")))
    assert list(runs("a签名b", (latin, chinese))) == [(0, "a"), (1, "签名"), (0, "b")]
    assert "".join(piece for _, piece in runs("\U00020bb7", (latin,))).startswith(MISSING)


def test_subsets_are_small_and_repeatable() -> None:
    """The same characters give the same font file; one that is lacking is refused."""
    font = find_fonts()[0]
    subset = cut(font.path, "签名", index=font.index)
    assert subset == cut(font.path, "名签", index=font.index)
    assert set(subset.glyphs) == set(map(ord, "签名"))
    assert len(subset.data) < 20_000
    with pytest.raises(FontError):
        cut(font.path, "\U000e0001", index=font.index)
