"""A local process as a transport: started, listened to, watched and ended here.

An interpreter's stdout stays its own; of a command that only leads to one, as ssh does,
stdin and stdout are the wire. It gets a process group of its own, and that group a lifeline: a pipe
whose closing makes the kernel kill the group, so nothing stays when this process dies,
however it dies and whatever the group is doing. (Linux; elsewhere the remote sees the
end of its stream.)
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Mapping, Sequence

from ..shipped.forks import call_in_forks
from ..shipped.on_demand.lifeline import arm
from ..shipped.polling import Poller
from ..shipped.transport import Transport
from ..termination import wait_any
from .output import Output
from .wire import lay

OUTPUT_POLLER = Poller("gatewaylib-output")


class LocalProcess:
    """One interpreter's process group; usable from any thread.

    Args:
        argv: the command.
        env: the whole environment of the process.
        output: takes what it prints.
        own_stdout: whether this is the interpreter itself, whose stdout is not the wire.

    ``write_fd`` is what it is to write to and ``slots_fd`` what it shares, see ``wire``.

    Raises OSError if the command can't be run; nothing is left of it then. A Ctrl-C may
    leave the process: ``launch`` makes it in a thread that none reaches.
    """

    why_not_run: str | None = None

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], output: Output, own_stdout: bool = True
    ) -> None:
        self.argv = list(argv)
        self.output = output
        self._lock = threading.Lock()
        self._reaped = False
        self._status: int | None = None
        self._lifeline: int | None = None
        self._spare_ends: list[int] = []
        self._pidfd: int | None = None
        with contextlib.ExitStack() as undo:
            with lay(own_stdout) as wire:
                undo.callback(wire.transport.close)
                read_end, self._lifeline = os.pipe()
                undo.callback(self._close_descriptors)
                try:
                    self._popen = subprocess.Popen(
                        self.argv,
                        stdin=wire.stdin,
                        stdout=subprocess.PIPE if wire.stdout is None else wire.stdout,
                        stderr=subprocess.PIPE,
                        bufsize=0,
                        env=dict(env),
                        start_new_session=True,
                        pass_fds=[read_end, *wire.passed],
                    )
                    self.pid = self._popen.pid
                    undo.callback(self._end_unused)
                    arm(read_end, self.pid)
                    if not own_stdout:
                        self._spare_ends = _keep_open(read_end, self._lifeline, self.pid)
                finally:
                    if read_end not in self._spare_ends:
                        os.close(read_end)
            self.transport: Transport = wire.transport
            self.write_fd, self.slots_fd = wire.write_fd, wire.slots_fd
            self._pidfd = _open_pidfd(self.pid)
            for name, stream in (("stdout", self._popen.stdout), ("stderr", self._popen.stderr)):
                if stream is not None:
                    output.read(name, stream, OUTPUT_POLLER)
            _processes.add(self)
            undo.pop_all()

    def begin(self, timeout: float) -> None:
        pass

    def __repr__(self) -> str:
        return f"<LocalProcess {self.pid} {self.argv[0]!r}>"

    @property
    def pidfd(self) -> int | None:
        """A descriptor that turns readable when the process ends; None where there is none."""
        return self._pidfd

    def has_exited(self) -> bool:
        """Return whether the process has ended; its status stays to be reaped."""
        with self._lock:
            if not self._reaped:
                try:
                    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
                    return os.waitid(os.P_PID, self.pid, options) is not None
                except (AttributeError, ChildProcessError):  # no waitid here, or nothing to reap
                    self._collect()
            return self._reaped

    def _collect(self) -> None:
        """Take the exit status if the process has ended; the lock is held."""
        if self._reaped:
            return
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid == 0:
                return
            self._status = os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            pass  # somebody else has reaped it, or SIGCHLD is ignored: nobody knows its status
        self._reaped = True
        self._popen.returncode = self._status or 0  # it need not wait any more

    def wait(self, timeout: float) -> bool:
        """Wait until the process has ended; return whether it has within ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while not self.has_exited():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            wait_any([self], left)
        return True

    def signal(self, number: int) -> None:
        """Send a signal to the whole group."""
        # Until it is reaped the process keeps its id, so the group can't be another's.
        with self._lock:
            if not self._reaped:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, number)

    def reap(self, patience: float = 0.3) -> int | None:
        """End what is left of the group of a process that has ended; return its exit status.

        A negative one is the signal that ended it; None: nobody knows, since others have
        reaped it. Waits up to ``patience`` seconds for the output of what left the group.
        """
        self.signal(signal.SIGKILL)
        with self._lock:
            self._collect()
            self._close_descriptors()
        self.output.finish(patience)
        return self._status

    def _close_descriptors(self) -> None:
        fds = self._lifeline, self._pidfd, *self._spare_ends
        self._lifeline = self._pidfd = None
        self._spare_ends = []
        for fd in fds:
            if fd is not None:
                os.close(fd)

    def _end_unused(self) -> None:
        """Leave nothing of a process that could not be made ready."""
        self.signal(signal.SIGKILL)
        self.wait(5.0)
        with self._lock:
            self._collect()
        self.output.drop()
        for stream in (self._popen.stdout, self._popen.stderr):
            if stream is not None:
                stream.close()

    def forget(self) -> None:
        """In the child of a fork: keep nothing open, least of all the lifeline."""
        self._lock = threading.Lock()
        self._close_descriptors()
        self.output.forget()
        self.transport.forget()
        self._reaped, self._popen.returncode = True, 0  # not ours to wait for


_processes: weakref.WeakSet[LocalProcess] = weakref.WeakSet()


def _forget_all() -> None:
    OUTPUT_POLLER.forget()
    for process in list(_processes):
        process.forget()


call_in_forks(_forget_all)


def _keep_open(read_end: int, lifeline: int, group: int) -> list[int]:
    """Keep a lifeline's other end open here, for a group that may close its own, as ssh does.

    The kernel tells nobody of a descriptor that is gone. So there are two of them, one of a
    lower number than the lifeline's and one of a higher: when this process ends, in whichever
    order the kernel closes its descriptors, one of the two is closed behind the lifeline.
    """
    try:
        import fcntl

        again = os.open(f"/proc/self/fd/{read_end}", os.O_RDONLY | os.O_NONBLOCK)
    except (ImportError, OSError):
        return []  # no Linux, and no lifelines
    try:
        arm(again, group)
        return [read_end, fcntl.fcntl(again, fcntl.F_DUPFD_CLOEXEC, lifeline + 1)]
    finally:
        os.close(again)


def _open_pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
