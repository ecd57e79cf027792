"""A local process as a transport: started, listened to, watched and ended here.

Its stdin is one end of a socketpair that carries both directions, so that its stdout
stays its own. It gets a process group of its own, and that group a lifeline: a pipe
whose closing makes the kernel kill the group, so nothing stays when this process dies,
however it dies and whatever the group is doing. (Linux; elsewhere the remote sees the
end of its stream.)
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import weakref
from collections.abc import Mapping, Sequence

from ..shipped.forks import call_in_forks
from ..shipped.reading import Poller
from ..shipped.socket_transport import SocketTransport
from ..shipped.transport import wait_fd
from .output import Output

OUTPUT_POLLER = Poller("gatewaylib-output")


class LocalProcess:
    """One interpreter's process group; usable from any thread.

    Args:
        argv: the command.
        env: the whole environment of the process.
        output: takes what it prints.

    Raises OSError if the command can't be run.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], output: Output) -> None:
        self.argv = list(argv)
        self.output = output
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair()
        try:
            lifeline = os.pipe()
        except BaseException:
            ours.close()
            theirs.close()
            raise
        try:
            self._popen = subprocess.Popen(
                self.argv,
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=dict(env),
                start_new_session=True,
                pass_fds=lifeline[:1],
            )
        except BaseException:
            ours.close()
            os.close(lifeline[1])
            raise
        finally:
            theirs.close()
            if "_popen" in self.__dict__:
                _arm_lifeline(lifeline[0], self._popen.pid)
            os.close(lifeline[0])
        self._lifeline: int | None = lifeline[1]
        self.pid = self._popen.pid
        self.transport = SocketTransport(ours)
        self._pidfd = _open_pidfd(self.pid)
        assert self._popen.stdout and self._popen.stderr
        output.read("stdout", self._popen.stdout, OUTPUT_POLLER)
        output.read("stderr", self._popen.stderr, OUTPUT_POLLER)
        _processes.add(self)

    def __repr__(self) -> str:
        return f"<LocalProcess {self.pid} {self.argv[0]!r}>"

    @property
    def pidfd(self) -> int | None:
        """A descriptor that turns readable when the process ends; None where there is none."""
        return self._pidfd

    def has_exited(self) -> bool:
        """Return whether the process has ended; its status stays to be reaped."""
        with self._lock:
            if self._popen.returncode is not None:
                return True
            try:
                options = os.WEXITED | os.WNOHANG | os.WNOWAIT
                return os.waitid(os.P_PID, self.pid, options) is not None
            except ChildProcessError:
                return True  # somebody else has reaped it
            except AttributeError:  # no waitid on this platform
                return self._popen.poll() is not None

    def wait(self, timeout: float) -> bool:
        """Wait until the process has ended; return whether it has within ``timeout`` seconds."""
        if self._pidfd is not None and not self.has_exited():
            wait_fd(self._pidfd, False, timeout)
            return self.has_exited()
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def signal(self, number: int) -> None:
        """Send a signal to the whole group."""
        # Until it is reaped the process keeps its id, so the group can't be another's.
        with self._lock:
            if self._popen.returncode is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, number)

    def reap(self, patience: float = 0.3) -> int:
        """End what is left of the group of a process that has ended; return its exit status.

        A negative one is the signal that ended it. Waits up to ``patience`` seconds for
        the output of what left the group.
        """
        self.signal(signal.SIGKILL)
        with self._lock:
            status: int = self._popen.wait()
            if self._lifeline is not None:
                os.close(self._lifeline)
                self._lifeline = None
            if self._pidfd is not None:
                os.close(self._pidfd)
                self._pidfd = None
        self.output.finish(patience)
        return status

    def forget(self) -> None:
        """In the child of a fork: keep nothing open, least of all the lifeline."""
        self._lock = threading.Lock()
        for fd in (self._lifeline, self._pidfd):
            if fd is not None:
                os.close(fd)
        self._lifeline = self._pidfd = None
        self.output.forget()
        self.transport.close()
        self._popen.returncode = 0  # not ours to wait for


_processes: weakref.WeakSet[LocalProcess] = weakref.WeakSet()


def _forget_all() -> None:
    OUTPUT_POLLER.forget()
    for process in list(_processes):
        process.forget()


call_in_forks(_forget_all)


def _arm_lifeline(read_end: int, group: int) -> None:
    """Have the kernel kill the group when the pipe's other end is closed.

    Up to here, and where this does not work, it sees the end of its stdin if we die.
    """
    try:
        import fcntl

        fcntl.fcntl(read_end, fcntl.F_SETOWN, -group)
        fcntl.fcntl(read_end, fcntl.F_SETSIG, signal.SIGKILL)  # type: ignore[attr-defined,unused-ignore]
        flags = fcntl.fcntl(read_end, fcntl.F_GETFL)
        fcntl.fcntl(read_end, fcntl.F_SETFL, flags | os.O_ASYNC)
    except (ImportError, AttributeError, OSError):
        pass  # not Linux: the remote notices by itself that its stream has ended


def _open_pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def describe_status(status: int) -> str:
    """Say what an exit status stands for: negative, the signal that ended the process."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:  # a realtime signal has no name
        return f"killed by signal {-status}"


def wait_any(processes: Sequence[LocalProcess], timeout: float) -> None:
    """Return as soon as one of the processes has ended, after ``timeout`` seconds at the latest."""
    poll = select.poll()
    polled = 0
    for process in processes:
        if process.pidfd is not None:
            poll.register(process.pidfd, select.POLLIN)
            polled += 1
    if polled < len(processes):
        timeout = min(timeout, 0.01)  # no descriptor to wait for: look again soon
    poll.poll(max(0.0, timeout) * 1000)
