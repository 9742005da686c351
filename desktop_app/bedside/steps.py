"""The steps of a bedside signing, who acts in each, and which may follow which."""

from __future__ import annotations

import enum


class Step(enum.StrEnum):
    """Where the bedside is."""

    LIST = "list"
    """The nurse sees the ward's tasks."""
    LOADING = "loading"
    """A task's document is being fetched."""
    REVIEW = "review"
    """The nurse sees the document and whom it is for."""
    HAND_OVER = "hand-over"
    """The screen goes from the nurse to the signer."""
    READING = "reading"
    """The signer reads."""
    SIGNING = "signing"
    """The signer writes."""
    PHOTO = "photo"
    """A photo is taken."""
    UPLOADING = "uploading"
    """The evidence is packed, sent, and the signed document checked."""
    UPLOAD_FAILED = "upload-failed"
    """Sending failed; nothing is lost, it can be tried again or kept."""
    HAND_BACK = "hand-back"
    """The signer gives the screen back."""
    RESULT = "result"
    """The nurse sees the signed document and its verdict."""


class Role(enum.StrEnum):
    """Who holds the screen."""

    NURSE = "nurse"
    SIGNER = "signer"


SIGNER_STEPS = frozenset(
    {Step.READING, Step.SIGNING, Step.PHOTO, Step.UPLOADING, Step.UPLOAD_FAILED, Step.HAND_BACK}
)

FOLLOWS: dict[Step, frozenset[Step]] = {
    Step.LIST: frozenset({Step.LOADING}),
    Step.LOADING: frozenset({Step.LIST, Step.REVIEW, Step.HAND_OVER, Step.RESULT}),
    Step.REVIEW: frozenset({Step.LIST, Step.LOADING, Step.HAND_OVER}),
    Step.HAND_OVER: frozenset(
        {Step.REVIEW, Step.READING, Step.SIGNING, Step.PHOTO, Step.UPLOADING, Step.LIST}
    ),
    Step.READING: frozenset({Step.SIGNING, Step.REVIEW}),
    Step.SIGNING: frozenset({Step.READING, Step.PHOTO, Step.UPLOADING, Step.REVIEW, Step.LIST}),
    Step.PHOTO: frozenset({Step.UPLOADING, Step.LIST}),
    Step.UPLOADING: frozenset({Step.HAND_BACK, Step.UPLOAD_FAILED}),
    Step.UPLOAD_FAILED: frozenset({Step.UPLOADING, Step.LIST, Step.SIGNING}),
    Step.HAND_BACK: frozenset({Step.RESULT}),
    Step.RESULT: frozenset({Step.LIST}),
}


def role_of(step: Step) -> Role:
    """Who acts in `step`."""
    return Role.SIGNER if step in SIGNER_STEPS else Role.NURSE
