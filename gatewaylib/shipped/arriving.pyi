from collections.abc import Sequence

_Buffer = bytes | memoryview

class Arriving:
    def add(self, buffers: Sequence[_Buffer]) -> None: ...
    def payload(self) -> list[bytes]: ...
