"""R26: pages are drawn as they come into view, what was read is told, memory stays bounded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from desktop_app.background import Background
from desktop_app.documents import ShownDocument, digest
from desktop_app.pages.document_view import KEEP_PAGES, DocumentView, Sheet
from desktop_app.qt import QApplication, Qt
from desktop_app.qt.testing import QTest, wait
from desktop_app.words import Words
from signing.ofd.signatures import normalise
from signing.sm import sm3
from signing.verdict import PenwardError
from signing.wire import OFD_MEDIA_TYPE, PDF_MEDIA_TYPE, StampBox
from tests.support.documents import small_ofd, small_pdf

pytestmark = pytest.mark.gui


@pytest.fixture
def view(app: QApplication) -> Iterator[DocumentView]:
    renderer = Background(1)
    made = DocumentView(Words("zh_CN"), renderer, "文书内容")
    made.resize(900, 600)
    made.show()
    QTest.qWaitForWindowExposed(made)
    yield made
    made.close()
    renderer.close()
    made.deleteLater()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        wait(0.005)


def test_a_long_document_is_read_page_by_page(view: DocumentView) -> None:
    """R26: each page is reported, each end is reported, far pages are let go."""
    seen: set[int] = set()
    ends: set[int] = set()
    view.pages_in_view.connect(lambda pages, ended: (seen.update(pages), ends.update(ended)))
    view.show_document(ShownDocument(PDF_MEDIA_TYPE, small_pdf(pages=12)))
    until(lambda: view.complete and 0 in seen)
    assert ends == set()
    bar = view.verticalScrollBar()
    while bar.value() < bar.maximum():
        view.setFocus()
        QTest.keyClick(view, Qt.Key.Key_PageDown)
        wait(0.04)
        until(lambda: view.complete)
    until(lambda: len(ends) == 12)
    assert seen == set(range(12))
    drawn = [sheet for sheet in view.findChildren(Sheet) if sheet.drawn_width]
    assert len(drawn) <= 2 + 2 * KEEP_PAGES + 1
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert bar.value() == 0
    QTest.keyClick(view, Qt.Key.Key_End)
    assert bar.value() == bar.maximum()


def test_the_place_of_a_signature_is_brought_into_view(view: DocumentView) -> None:
    """R28: the signed page is shown where it was signed."""
    view.show_document(ShownDocument(PDF_MEDIA_TYPE, small_pdf(pages=3)))
    view.scroll_to_mark(StampBox(2, 20, 200, 50, 20))
    until(lambda: view.complete)
    assert view.verticalScrollBar().value() > view.verticalScrollBar().maximum() // 2


def test_documents_of_both_kinds_are_shown_and_digested(app: QApplication) -> None:
    """R28: the digest is the one that the server binds."""
    ofd, pdf = normalise(small_ofd()), small_pdf()
    assert ShownDocument(OFD_MEDIA_TYPE, ofd).image(0, 400).width() in range(395, 406)
    assert ShownDocument(PDF_MEDIA_TYPE, pdf).image(0, 400).width() in range(395, 406)
    assert digest(PDF_MEDIA_TYPE, pdf) == sm3(pdf)
    assert len(digest(OFD_MEDIA_TYPE, ofd)) == 32
    for kind in (OFD_MEDIA_TYPE, PDF_MEDIA_TYPE):
        with pytest.raises(PenwardError):
            ShownDocument(kind, b"neither")
