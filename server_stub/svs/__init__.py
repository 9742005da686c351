"""The sign/verify service: GM/T 0029 and GM/T 0136 over HTTP, and services for other systems."""

from server_stub.svs.room import Assembly, assemble, build_server

__all__ = ["Assembly", "assemble", "build_server"]
