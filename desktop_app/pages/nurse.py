"""The nurse's pages: the document before the hand-over, the hand-over, the result."""

from __future__ import annotations

from desktop_app.bedside.flow import Flow
from desktop_app.bedside.model import SigningResult
from desktop_app.bedside.ports import Runner
from desktop_app.documents import ShownDocument
from desktop_app.pages.document_view import DocumentView
from desktop_app.pages.parts import Page, badge, button, card, fact, label, picture, rule, scroller
from desktop_app.qt import QHBoxLayout, QLabel, Qt, QVBoxLayout, QWidget
from desktop_app.words import Words
from signing.verdict import Outcome
from signing.wire import PhotoPolicy

SIDE_PX = 420


class ReviewPage(Page):
    """Step `review`: the nurse sees what will be signed and by whom."""

    def __init__(self, words: Words, flow: Flow, renderer: Runner) -> None:
        super().__init__()
        self._words = words
        row = QHBoxLayout()
        row.setSpacing(24)
        self.view = DocumentView(words, renderer, words("document-name"))
        row.addWidget(self.view, 1)
        side = QVBoxLayout()
        side.setSpacing(16)
        panel, inside = card()
        self._title = label("", "h2", wrap=True)
        inside.addWidget(self._title)
        inside.addWidget(rule())
        self._facts: dict[str, QLabel] = {}
        for key in ("patient", "signer", "photo", "consents", "signed-before"):
            holder, self._facts[key] = fact(words(f"review-{key}"))
            inside.addWidget(holder)
        inside.addStretch(1)
        side.addWidget(scroller(panel, words("review-facts"), SIDE_PX), 1)
        self._go = button(words("review-hand-over"), flow.hand_over, kind="primary", shortcut="Ctrl+Return")
        side.addWidget(self._go)
        side.addWidget(button(words("back-to-list"), flow.back_to_list, shortcut="Esc"))
        row.addLayout(side)
        self.box.addLayout(row, 1)

    def refresh(self, flow: Flow, document: ShownDocument | None) -> None:
        """Show the flow's task."""
        signing = flow.signing
        if signing is None:
            return
        words, task = self._words, signing.task
        self._title.setText(task.title)
        self._facts["patient"].setText(words.identity(task.patient))
        self._facts["signer"].setText(words.signer(signing.signer))
        self._facts["photo"].setText(words(f"photo-{task.policy.photo.value}"))
        consents = words.list(consent.text for consent in task.consents)
        self._facts["consents"].setText(consents or words("none"))
        before = [s for s in task.signers if s.index < signing.signer.index]
        self._facts["signed-before"].setText(words.list(words.signer(s) for s in before) or words("none"))
        self.view.show_document(document, signing.signer.field, words("sign-here"))
        if task.policy.photo is PhotoPolicy.REQUIRED and flow.camera is None:
            self._facts["photo"].setText(words("photo-required-no-camera"))

    def first_focus(self) -> QWidget:
        """The way on."""
        return self._go


class HandOverPage(Page):
    """Step `hand-over`: large words, so that it is plain who is to have the screen."""

    def __init__(self, words: Words, flow: Flow) -> None:
        super().__init__()
        self._words = words
        self.box.addStretch(1)
        frame, inside = card()
        frame.setMaximumWidth(900)
        inside.setContentsMargins(56, 48, 56, 48)
        inside.setSpacing(24)
        inside.addWidget(picture("person", 112), 0, Qt.AlignmentFlag.AlignHCenter)
        self._ask = label("", "patient-h1", wrap=True)
        self._ask.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inside.addWidget(self._ask)
        self._what = label("", "patient-muted", wrap=True)
        self._what.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inside.addWidget(self._what)
        self._go = button("", flow.take_over, kind="signer", shortcut="Ctrl+Return", name=words("take-over"))
        inside.addWidget(self._go, 0, Qt.AlignmentFlag.AlignHCenter)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(frame, 8)
        row.addStretch(1)
        self.box.addLayout(row)
        self.box.addStretch(1)
        self._back = button(words("back-to-list"), flow.back_to_list, shortcut="Esc")
        self.box.addWidget(self._back, 0, Qt.AlignmentFlag.AlignLeft)

    def refresh(self, flow: Flow) -> None:
        """Name the signer."""
        signing = flow.signing
        if signing is not None:
            self._ask.setText(self._words("hand-over-ask", signer=self._words.signer(signing.signer)))
            self._what.setText(self._words("hand-over-what", title=signing.task.title))
            self._go.setText(self._words("hand-over-take", name=signing.signer.name))

    def first_focus(self) -> QWidget:
        """The way on."""
        return self._go


class ResultPage(Page):
    """Step `result`: the signed page and the verdict that this station came to."""

    def __init__(self, words: Words, flow: Flow, renderer: Runner) -> None:
        super().__init__()
        self._words = words
        row = QHBoxLayout()
        row.setSpacing(24)
        self.view = DocumentView(words, renderer, words("signed-document-name"))
        row.addWidget(self.view, 1)
        side = QVBoxLayout()
        side.setSpacing(16)
        panel, inside = card()
        panel.setFixedWidth(SIDE_PX)
        head = QHBoxLayout()
        head.addWidget(picture("check", 40))
        head.addWidget(label(words("result-valid"), "good"), 1)
        inside.addLayout(head)
        self._badge = badge(words("simulated"))
        self._simulated = label("", "small", wrap=True)
        inside.addWidget(self._badge)
        inside.addWidget(self._simulated)
        inside.addWidget(rule())
        self._facts: dict[str, QLabel] = {}
        for key in ("signer", "time", "anchor"):
            holder, self._facts[key] = fact(words(f"result-{key}"))
            inside.addWidget(holder)
        side.addWidget(panel)
        self._checks = label("", "small", wrap=True)
        self._checks.setAlignment(Qt.AlignmentFlag.AlignTop)
        side.addWidget(scroller(self._checks, words("result-checks"), SIDE_PX), 1)
        self._done = button(words("result-done"), flow.finish, kind="primary", shortcut="Ctrl+Return")
        side.addWidget(self._done)
        row.addLayout(side)
        self.box.addLayout(row, 1)

    def refresh(self, result: SigningResult, document: ShownDocument | None) -> None:
        """Show a result."""
        words, signature = self._words, result.signature
        self._facts["signer"].setText(words.signer(result.signer))
        self._facts["time"].setText(words.instant(signature.stamped_at or signature.signed_at))
        mark = words("test-anchor") if signature.test_anchor else ""
        self._facts["anchor"].setText(f"{mark}{signature.anchor}")
        self._badge.setVisible(bool(result.simulated))
        self._simulated.setVisible(bool(result.simulated))
        self._simulated.setText(words.list(words.code(code) for code in result.simulated))
        lines = [
            check.text(words.language) for check in signature.checks if check.outcome is not Outcome.NOTE
        ]
        self._checks.setText("\n".join(lines))
        self.view.show_document(document)
        self.view.scroll_to_mark(result.signer.field)

    def first_focus(self) -> QWidget:
        """The way on."""
        return self._done


class WaitPage(Page):
    """Steps `loading` and the like: one calm line while something is fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.box.addStretch(1)
        self._text = label(text, "h2")
        self.box.addWidget(self._text, 0, Qt.AlignmentFlag.AlignHCenter)
        self.box.addStretch(1)
