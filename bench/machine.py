"""What the bench asks of the machine: its kind, memory of a process, one core for several."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from bench.measure import Unsupported


def describe(packages: Iterable[str]) -> dict[str, str]:
    """Return what a reader must know to compare figures: no names of hosts or paths."""
    known = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release().split('-')[0]}, {platform.machine()}",
        "cores": str(len(os.sched_getaffinity(0)) if can_pin() else os.cpu_count()),
        "processor": _processor(),
        "load": f"{os.getloadavg()[0]:.1f}",  # before measuring: 0 is an idle machine
    }
    for package in packages:
        try:
            known[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            pass
    return known


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else "unknown"


def can_pin() -> bool:
    return hasattr(os, "sched_setaffinity") and Path("/proc/self/task").is_dir()


@contextmanager
def one_core(pids: Iterable[int]) -> Iterator[None]:
    """Hold every thread of this process and of ``pids`` on one core for as long as it lasts.

    A wake-up across cores costs more than all else in a round trip and hides it. Threads
    started meanwhile inherit the core. Raises Unsupported where the system can't pin.
    """
    if not can_pin():
        raise Unsupported("no sched_setaffinity here")
    processes = [os.getpid(), *pids]
    before = os.sched_getaffinity(0)
    _pin(processes, {max(before)})
    try:
        yield
    finally:
        _pin(processes, before)


def _pin(pids: Iterable[int], cores: set[int]) -> None:
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            try:
                os.sched_setaffinity(int(thread), cores)
            except ProcessLookupError:
                pass  # the thread has ended since it was listed


def memory(pid: int) -> tuple[int, int]:
    """Return (RSS, PSS) of a process in bytes; PSS shares a page among those that map it.

    Raises Unsupported where /proc does not tell.
    """
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError as error:
        raise Unsupported(str(error)) from error
    sizes = {}
    for line in text.splitlines()[1:]:
        key, value = line.split(":", 1)
        sizes[key] = int(value.split()[0]) * 1024
    return sizes["Rss"], sizes["Pss"]


def forget_peak(pid: int) -> None:
    """Begin anew with what ``peak`` tells; raises Unsupported where the system can't."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    except OSError as error:
        raise Unsupported(str(error)) from error


def peak(pid: int) -> int:
    """Return the most bytes of RSS that a process has had since its peak was forgotten."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise Unsupported("no VmHWM here")


def free_memory() -> int:
    """Return how many bytes processes may take before the system has to swap."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise Unsupported("no MemAvailable here")


def threads() -> int:
    """Return how many threads this process has, the interpreter's own included."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError as error:
        raise Unsupported(str(error)) from error


def alive(pid: int) -> bool:
    """Return whether a process of this id has not ended; a zombie has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
