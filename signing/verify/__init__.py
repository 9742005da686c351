"""The one call that takes any file to a verdict, and the `penward-verify` command.

Engines are loaded when a file needs them, so that the command starts quickly.
"""

from signing.verify.files import MAX_FILE_BYTES, verify_bytes

__all__ = ["MAX_FILE_BYTES", "verify_bytes"]
