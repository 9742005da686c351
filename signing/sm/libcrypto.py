"""SM2 by ctypes on the OpenSSL 3 that this Python has already loaded for `_hashlib`.

Nothing is searched on PATH: on POSIX the symbols are resolved through the handle of the `_hashlib`
extension itself (dlsym looks into what it was linked with, even where another package brought a second
libcrypto), on Windows through the module already in the process. Keys stay in an `EVP_PKEY`; ctypes
releases the GIL during each call.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import weakref
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_size_t, c_ubyte, c_uint, c_void_p

from signing.sm.encoding import private_key_info, subject_public_key_info
from signing.sm.errors import SmError

_BUFFER = POINTER(c_ubyte)
_PROTOTYPES: dict[str, tuple[object, tuple[object, ...]]] = {
    "OPENSSL_version_major": (c_uint, ()),
    "OpenSSL_version": (c_char_p, (c_int,)),
    "ERR_clear_error": (None, ()),
    "CRYPTO_free": (None, (c_void_p, c_char_p, c_int)),
    "BN_bn2binpad": (c_int, (c_void_p, c_void_p, c_int)),
    "BN_clear_free": (None, (c_void_p,)),
    "EVP_PKEY_free": (None, (c_void_p,)),
    "EVP_PKEY_is_a": (c_int, (c_void_p, c_char_p)),
    "EVP_PKEY_get1_encoded_public_key": (c_size_t, (c_void_p, POINTER(c_void_p))),
    "EVP_PKEY_get_bn_param": (c_int, (c_void_p, c_char_p, POINTER(c_void_p))),
    "d2i_AutoPrivateKey": (c_void_p, (c_void_p, POINTER(c_void_p), c_long)),
    "d2i_PUBKEY": (c_void_p, (c_void_p, POINTER(c_void_p), c_long)),
    "EVP_PKEY_CTX_new_from_name": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "EVP_PKEY_CTX_new_from_pkey": (c_void_p, (c_void_p, c_void_p, c_char_p)),
    "EVP_PKEY_CTX_free": (None, (c_void_p,)),
    "EVP_PKEY_keygen_init": (c_int, (c_void_p,)),
    "EVP_PKEY_generate": (c_int, (c_void_p, POINTER(c_void_p))),
    "EVP_PKEY_sign_init": (c_int, (c_void_p,)),
    "EVP_PKEY_sign": (c_int, (c_void_p, _BUFFER, POINTER(c_size_t), c_char_p, c_size_t)),
    "EVP_PKEY_verify_init": (c_int, (c_void_p,)),
    "EVP_PKEY_verify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
    "EVP_PKEY_encrypt_init": (c_int, (c_void_p,)),
    "EVP_PKEY_encrypt": (c_int, (c_void_p, _BUFFER, POINTER(c_size_t), c_char_p, c_size_t)),
    "EVP_PKEY_decrypt_init": (c_int, (c_void_p,)),
    "EVP_PKEY_decrypt": (c_int, (c_void_p, _BUFFER, POINTER(c_size_t), c_char_p, c_size_t)),
}
_WINDOWS_NAMES = ("libcrypto-3.dll", "libcrypto-3-arm64.dll", "libcrypto-3-x64.dll")


class LibcryptoBackend:
    """`signing.sm.backend.Backend` over OpenSSL 3."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._lib = library
        self.name = str(library.OpenSSL_version(0).decode("ascii", "replace"))

    @classmethod
    def open(cls) -> LibcryptoBackend:
        """Bind the libcrypto of this process.

        Raises:
            SmError: `sm.backend-unavailable` when it is not there, is older than 3 or lacks a function.
        """
        try:
            library = _loaded_library()
            for name, (result, arguments) in _PROTOTYPES.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError, ImportError) as error:
            raise SmError("sm.backend-unavailable", name="libcrypto", problem=str(error)) from None
        if library.OPENSSL_version_major() < 3:
            raise SmError("sm.backend-unavailable", name="libcrypto", problem="older than OpenSSL 3")
        return cls(library)

    def generate(self) -> LibcryptoPrivateKey:
        lib = self._lib
        context = lib.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
        key = c_void_p()
        try:
            if not context or lib.EVP_PKEY_keygen_init(context) <= 0:
                raise self.failure("sm.operation-failed")
            if lib.EVP_PKEY_generate(context, byref(key)) <= 0:
                raise self.failure("sm.operation-failed")
        finally:
            lib.EVP_PKEY_CTX_free(context)
        return LibcryptoPrivateKey(self, _pointer(key))

    def load_private(self, scalar: bytes, point: bytes | None) -> LibcryptoPrivateKey:
        encoded = private_key_info(scalar)
        start = ctypes.create_string_buffer(encoded, len(encoded))
        try:
            position = c_void_p(ctypes.addressof(start))
            key = self._lib.d2i_AutoPrivateKey(None, byref(position), len(encoded))
        finally:
            ctypes.memset(start, 0, len(encoded))
        loaded = LibcryptoPrivateKey(self, self._require_sm2(key, "sm.bad-private-key"))
        if point is not None and point != loaded.public_point:
            raise SmError("sm.bad-private-key")
        return loaded

    def load_public(self, point: bytes) -> LibcryptoPublicKey:
        encoded = subject_public_key_info(point)
        start = ctypes.create_string_buffer(encoded, len(encoded))
        position = c_void_p(ctypes.addressof(start))
        key = self._lib.d2i_PUBKEY(None, byref(position), len(encoded))
        return LibcryptoPublicKey(self, self._require_sm2(key, "sm.bad-point"))

    def failure(self, code: str) -> SmError:
        """The documented error; OpenSSL's own queue is emptied, or `ssl` would report it as its own."""
        self._lib.ERR_clear_error()
        return SmError(code)

    @property
    def lib(self) -> ctypes.CDLL:
        """The bound library."""
        return self._lib

    def _require_sm2(self, key: int | None, code: str) -> int:
        if not key:
            raise self.failure(code)
        if self._lib.EVP_PKEY_is_a(key, b"SM2") != 1:
            self._lib.EVP_PKEY_free(key)
            raise self.failure(code)
        return key


class _Key:
    """One EVP_PKEY, freed when destroyed or collected."""

    def __init__(self, backend: LibcryptoBackend, key: int) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._key: int | None = key
        self._release = weakref.finalize(self, backend.lib.EVP_PKEY_free, key)

    def destroy(self) -> None:
        with self._lock:
            self._key = None
            self._release()

    def _context(self) -> int:
        """A new EVP_PKEY_CTX; it holds the key alive by itself until it is freed."""
        with self._lock:
            if self._key is None:
                raise SmError("sm.key-destroyed")
            context = self._backend.lib.EVP_PKEY_CTX_new_from_pkey(None, self._key, None)
        if not context:
            raise self._backend.failure("sm.operation-failed")
        return int(context)

    def _transform(self, operation: str, data: bytes, code: str) -> bytes:
        """EVP_PKEY_<operation> over `data`: ask for the size, then run."""
        lib = self._backend.lib
        function = getattr(lib, f"EVP_PKEY_{operation}")
        context = self._context()
        try:
            size = c_size_t()
            if getattr(lib, f"EVP_PKEY_{operation}_init")(context) <= 0:
                raise self._backend.failure(code)
            if function(context, None, byref(size), data, len(data)) <= 0:
                raise self._backend.failure(code)
            output = (c_ubyte * max(size.value, 1))()
            if function(context, output, byref(size), data, len(data)) <= 0:
                raise self._backend.failure(code)
            result = bytes(output[: size.value])
            ctypes.memset(output, 0, len(output))
            return result
        finally:
            lib.EVP_PKEY_CTX_free(context)


class LibcryptoPrivateKey(_Key):
    """`PrivateHandle` over an EVP_PKEY."""

    def __init__(self, backend: LibcryptoBackend, key: int) -> None:
        super().__init__(backend, key)
        encoded = c_void_p()
        size = backend.lib.EVP_PKEY_get1_encoded_public_key(key, byref(encoded))
        if not size or not encoded.value:
            raise backend.failure("sm.operation-failed")
        self.public_point = ctypes.string_at(encoded.value, size)
        backend.lib.CRYPTO_free(encoded, b"", 0)

    def sign_digest(self, digest: bytes) -> bytes:
        return self._transform("sign", digest, "sm.operation-failed")

    def decrypt(self, ciphertext: bytes) -> bytes:
        return self._transform("decrypt", ciphertext, "sm.not-authentic")

    def export_scalar(self) -> bytes:
        lib = self._backend.lib
        number = c_void_p()
        output = ctypes.create_string_buffer(32)
        with self._lock:
            if self._key is None:
                raise SmError("sm.key-destroyed")
            found = lib.EVP_PKEY_get_bn_param(self._key, b"priv", byref(number))
        if not found:
            raise self._backend.failure("sm.operation-failed")
        try:
            if lib.BN_bn2binpad(number, output, 32) != 32:
                raise self._backend.failure("sm.operation-failed")
            return output.raw
        finally:
            ctypes.memset(output, 0, 32)
            lib.BN_clear_free(number)


class LibcryptoPublicKey(_Key):
    """`PublicHandle` over an EVP_PKEY."""

    def verify_digest(self, signature: bytes, digest: bytes) -> bool:
        lib = self._backend.lib
        context = self._context()
        try:
            if lib.EVP_PKEY_verify_init(context) <= 0:
                raise self._backend.failure("sm.operation-failed")
            if lib.EVP_PKEY_verify(context, signature, len(signature), digest, len(digest)) == 1:
                return True
            lib.ERR_clear_error()
            return False
        finally:
            lib.EVP_PKEY_CTX_free(context)

    def encrypt(self, plaintext: bytes) -> bytes:
        return self._transform("encrypt", plaintext, "sm.operation-failed")


def _loaded_library() -> ctypes.CDLL:
    import _hashlib

    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetModuleHandleW.restype, kernel.GetModuleHandleW.argtypes = c_void_p, (ctypes.c_wchar_p,)
        for name in _WINDOWS_NAMES:
            if handle := kernel.GetModuleHandleW(name):
                return ctypes.CDLL(name, handle=handle)
        raise OSError("no libcrypto-3 in this process")
    return ctypes.CDLL(getattr(_hashlib, "__file__", None))


def _pointer(value: c_void_p) -> int:
    if not value.value:
        raise SmError("sm.operation-failed")
    return value.value
