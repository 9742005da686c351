"""BER as old signers write it; the reader itself stands in `signing.sm.ber`, below this room."""

from signing.sm.ber import first_element, to_definite

__all__ = ["first_element", "to_definite"]
