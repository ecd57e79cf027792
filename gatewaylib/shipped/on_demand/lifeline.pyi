import subprocess
from collections.abc import Sequence
from typing import Any

PY2: bool
HAS_LIFELINES: bool
F_SETSIG: int

def arm(read_end: int, group: int) -> None: ...
def close_on_exec(fd: int) -> None: ...
def start_group(argv: Sequence[str], **options: Any) -> tuple[subprocess.Popen[bytes], int]: ...
