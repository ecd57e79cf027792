from typing import Any

FEW: int
KINDS: int

class TooDeep(Exception): ...

def encode(item: Any, max_depth: int) -> list[bytes]: ...
