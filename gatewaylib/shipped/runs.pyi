import struct

RUN: int
LONGEST: int
SHORTEST: int

def run_of(
    data: bytes, start: int, header_format: struct.Struct, kind: int
) -> tuple[int, tuple[bytes, ...], int] | None: ...
