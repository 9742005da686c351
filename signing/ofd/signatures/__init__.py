"""Signatures of OFD documents: make a document ready, sign it by ink, judge every signature it holds.

Names are loaded when they are used, so that what only reads lists does not load the signing machinery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from signing.ofd.signatures.binding import EventSignature, event_signatures
    from signing.ofd.signatures.digest import document_digest
    from signing.ofd.signatures.errors import OfdSignError
    from signing.ofd.signatures.normal_form import normalise
    from signing.ofd.signatures.picture import ink_seal_picture, read_ink_seal_picture
    from signing.ofd.signatures.sign import SealMaker, sign_ofd
    from signing.ofd.signatures.verify import verify_ofd

__all__ = [
    "EventSignature",
    "OfdSignError",
    "SealMaker",
    "document_digest",
    "event_signatures",
    "ink_seal_picture",
    "normalise",
    "read_ink_seal_picture",
    "sign_ofd",
    "verify_ofd",
]

_PLACES = {
    "EventSignature": "binding",
    "OfdSignError": "errors",
    "SealMaker": "sign",
    "document_digest": "digest",
    "event_signatures": "binding",
    "ink_seal_picture": "picture",
    "normalise": "normal_form",
    "read_ink_seal_picture": "picture",
    "sign_ofd": "sign",
    "verify_ofd": "verify",
}


def __getattr__(name: str) -> Any:
    """PEP 562."""
    if name not in _PLACES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
