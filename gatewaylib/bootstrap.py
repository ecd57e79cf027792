"""Starting remotes: pack the shipped sources, send them, wait for the hello.

The remote reads a line, its options among them, the unpacker and a table of all that is
always shipped. Then both sides are silent until its hello, because Python 3 reads stdin
ahead and would swallow what came right behind. Any number of remotes start at once, in
one loop; each has its own time limit and its own error.
"""

from __future__ import annotations

import binascii
import contextlib
import functools
import marshal
import os
import select
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import SourceFileLoader
from typing import Any, NamedTuple

from .hello import read_hello
from .shipped.compat import MAX_WAIT
from .shipped.debug import told
from .shipped.errors import GatewayError, HostNotFound, LoadError, StartError
from .shipped.protocol import VERSION
from .shipped.serializer import Serializer
from .shipped.transport import rest_of
from .spec import Spec
from .termination import describe_status
from .transports import start_process, why_not
from .transports.commands import COMMANDS, is_unreachable, what_to_do
from .transports.connection import Remote
from .transports.output import Output

BOOT = (
    "import sys;f=getattr(sys.stdin,'buffer',sys.stdin);w=f.readline().split();"
    "exec(f.read(int(w[0])),{'stdin':f,'words':w})"
)
# For an interpreter like this one, which is sent code objects.
BOOT_COMPILED = BOOT.replace(
    "exec(f.read(int(w[0]))", "import marshal;exec(marshal.loads(f.read(int(w[0])))"
)
NOISE = 2**16  # bytes a login may print before the hello
QUOTED = 500  # bytes of it that an error quotes
MAX_HELLO = 2**16
HELLO_SIZE = struct.Struct("!I")
PACKAGE = os.path.dirname(os.path.abspath(__file__))


@functools.lru_cache(maxsize=2)
def _packed(compiled: bool) -> tuple[bytes, bytes]:
    """Return the unpacker and the table; ``compiled``: for an interpreter like this one."""
    head, body = ["__init__ 0 0"], []
    for name in ["gateway_base", *_always_sent()]:
        loader = SourceFileLoader(name, os.path.join(PACKAGE, *name.split(".")) + ".py")
        # It takes the code from the bytecode that importing the file has left, if it can.
        # Whoever runs that code, on this machine, finds the source where it says it is from.
        part = marshal.dumps(loader.get_code(name)) if compiled else loader.get_data(loader.path)
        if name == "shipped.unpack":
            unpack = part
            continue
        head.append(f"{name} 0 {len(part)}" if compiled else f"{name} {len(part)} 0")
        body.append(part)
    return unpack, "\n".join(head).encode() + b"\n\n" + b"".join(body)


def _always_sent() -> list[str]:
    files = sorted(os.listdir(os.path.join(PACKAGE, "shipped")))
    return [f"shipped.{name[:-3]}" for name in files if name.endswith(".py")]


def _options(spec: Spec, execmodel: str, hello: str) -> bytes:
    return Serializer().dumps(
        {
            "hello": hello,
            "version": VERSION,
            "id": f"{spec.id}-worker",
            "execmodel": spec.execmodel or execmodel,
            "window": spec.window,
            "subclasses": spec.subclasses,
            "heartbeat": spec.heartbeat,
            # Of what popen starts, the side that starts it ends the group.
            "ends_group": spec.kind in COMMANDS and spec.kind != "popen",
            "chdir": spec.chdir,
            "nice": spec.nice,
            "env": {**told(os.environ), **spec.env},
        }
    )


class Start:
    """One remote on its way from a process to a hello.

    Attributes:
        spec: what was asked for.
        process: its process.
        info: what the hello told of the interpreter, once it came.
        early: bytes that came behind the hello.
        error: the StartError, if it failed; nothing is left of it then.
    """

    def __init__(self, plan: Plan, begun: float) -> None:
        self.spec = spec = plan.spec
        self._plan, self.deadline = plan, begun + plan.timeout
        self.info: dict[str, Any] | None = None
        self.early = b""
        self.error: StartError | None = None
        self._hello = f"gatewaylib-hello-{os.urandom(8).hex()}:"
        options = binascii.b2a_base64(_options(spec, plan.execmodel, self._hello))
        # An interpreter like this one, on this machine, may run our code.
        compiled = spec.kind == "popen" and plan.via is None and spec.python is None
        unpack, table = _packed(compiled)
        self._got = b""
        self.alone = threading.Event()  # run_alone has ended
        self._failing = threading.Lock()  # run_alone may fail while its time runs out
        # The last step, behind all that can fail: from here on there is something to end.
        program = BOOT_COMPILED if compiled else BOOT
        self.process: Remote = start_process(spec, program, plan.output, plan.via)
        words = b"%d %d %d " % (len(unpack), len(table), self.process.write_fd)
        self._unsent: list[bytes | memoryview] = [words + options, unpack, table]

    @property
    def over(self) -> bool:
        return self.info is not None or self.error is not None

    @property
    def events(self) -> dict[int, int]:
        """Descriptor -> the events of it to poll for; one descriptor may be both ends."""
        transport = self.process.transport
        events = {transport.fileno(): select.POLLIN}
        if self._unsent:
            fd = transport.write_fileno()
            events[fd] = events.get(fd, 0) | select.POLLOUT
        return events

    def step(self, fd: int, events: int) -> None:
        """Do what the transport is ready for; the poll said so."""
        transport = self.process.transport
        try:
            if self._unsent and fd == transport.write_fileno():
                self._send_some()
            if fd == transport.fileno() and events & ~select.POLLOUT:
                data = transport.receive(2**16)
                if data:
                    return self._take(data)
                self.fail("ended before it said hello", patience=0.2)
        except OSError:
            self.fail("ended before it said hello", patience=0.2)

    def run_alone(self) -> None:
        """Do all steps, in a thread of its own: what can't be polled blocks."""
        transport = self.process.transport
        try:
            transport.write(self._unsent)
            while not self.over:
                data = transport.receive(2**16)
                if not data:
                    raise OSError("the end of the stream")
                self._take(data)
        except StartError as error:
            self.refuse(error)
        except OSError:
            if not self.over:
                self.fail("ended before it said hello", patience=0.2)
        except Exception as error:
            # Whatever it was, it must not pass for a start.
            self.fail(f"made its start fail: {error.__class__.__name__}: {error}")
        finally:
            self.alone.set()

    def _send_some(self) -> None:
        try:
            self._unsent = rest_of(self._unsent, self.process.transport.write_now(self._unsent))
        except OSError:
            self._unsent = []  # it reads no more; what it has said is still here

    def _take(self, data: bytes) -> None:
        self._got += data
        noise, found, rest = self._got.partition(self._hello.encode())
        if not found:
            if len(self._got) > NOISE + MAX_HELLO:
                self.fail(f"printed {len(self._got)} bytes that are no hello")
            return
        if len(rest) < HELLO_SIZE.size:
            return
        (size,) = HELLO_SIZE.unpack(rest[: HELLO_SIZE.size])
        end = HELLO_SIZE.size + size
        if size > MAX_HELLO:
            self.fail(f"said hello with {size} bytes of news")
        elif len(rest) >= end:
            self.early, self._got = rest[end:], noise
            self._read_hello(rest[HELLO_SIZE.size : end])

    def _read_hello(self, payload: bytes) -> None:
        try:
            self.info = read_hello(payload)
        except LoadError as error:
            self.fail(str(error))

    def run_out_of_time(self) -> None:
        """Fail because there is no hello yet."""
        self.fail(
            f"did not say hello within {self._plan.timeout:.3g} s; if it is only slow, give it "
            f"longer with {self._plan.timeout_name}="
        )

    def fail(self, what: str, patience: float = 0.0) -> None:
        """End the process and keep the error; ``what`` goes behind the command's name.

        It has ``patience`` seconds to end by itself, and then says with which status.
        """
        with self._failing:
            if not self.over:
                self.error = self._describe_failure(what, patience)

    def refuse(self, error: StartError) -> None:
        """End the process and keep an error that tells all there is to tell."""
        with self._failing:
            if not self.over:
                end_process(self.process)
                self.error = error

    def _describe_failure(self, what: str, patience: float) -> StartError:
        process = self.process
        name = process.argv[0]  # of a connection it changes with what becomes of it
        ended_itself = process.wait(patience)
        status = end_process(process)
        known = process.pid is not None or status is not None
        how = f" ({describe_status(status)})" if ended_itself and known else ""
        words = process.output.last_words()
        printed = process.output.last_words("stdout") + shown_noise(self._got)
        message = f"{self.spec}: {name} {what}{how}"
        if printed:
            message += f"; it printed:\n{printed}\n"
        if words or known:
            message += f"; its last words:\n{words}" if words else "; it wrote nothing to stderr"
        status = status if ended_itself else None
        advice = what_to_do(self.spec, status)
        message += ("\n" if words else "; ") + advice if advice else ""
        kind = HostNotFound if is_unreachable(self.spec, status) else StartError
        return kind(message, str(self.spec), status, words)


def shown_noise(data: bytes) -> str:
    """Return the end of what came in place of a hello, as text for an error."""
    return data[-QUOTED:].decode("utf-8", "replace").strip()


def end_process(process: Remote, patience: float = 0.3) -> int | None:
    """Kill a process group that is of no use, and return its exit status.

    What it has printed has ``patience`` seconds to arrive.
    """
    process.signal(signal.SIGKILL)
    # What is not of this machine may never tell that it has ended.
    process.wait(5.0 if process.pidfd is not None else patience)
    process.transport.close()
    return process.reap(patience)


class Plan(NamedTuple):
    """What to start: a spec with an id, who takes its output, its seconds, how it waits.

    ``timeout_name``: what the user calls its seconds. ``via``: the gateway that the spec's
    ``via=`` names.
    """

    spec: Spec
    output: Output
    timeout: float
    execmodel: str
    timeout_name: str = "start_timeout"
    via: Any = None


class Launch:
    """Makes the processes of plans, and ends them, in a thread where no Ctrl-C arrives.

    In the main thread one could arrive between a fork and the first moment that anybody
    knows of the new process: nobody would ever end it.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = plans
        self._lock = threading.Lock()  # held while processes are made
        self._stopped = False
        self._failure: BaseException | None = None
        self.results: list[Start | GatewayError] = []

    @property
    def starts(self) -> list[Start]:
        return [result for result in self.results if isinstance(result, Start)]

    def run(self) -> None:
        """Make all of them; raise what is no reason for a GatewayError."""
        _run_undisturbed(self._run)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        begun = time.monotonic()
        with self._lock:
            try:
                for plan in self._plans:
                    if not self._stopped:
                        self.results.append(_begin(plan, begun))
            except BaseException as error:
                self._failure = error

    def undo(self) -> None:
        """End all that was made and has not failed, and make no more."""
        self._stopped = True
        _run_undisturbed(self._end_all)

    def _end_all(self) -> None:
        with self._lock:
            processes = [start.process for start in self.starts if start.error is None]
        for process in processes:
            process.signal(signal.SIGKILL)
        for process in processes:
            end_process(process, patience=0.0)


def _run_undisturbed(function: Callable[[], None]) -> None:
    """Run it to its end in a thread of its own; a Ctrl-C only ends the waiting for it."""
    thread = threading.Thread(target=function, name="gatewaylib-start", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the interpreter is ending, or may have no more threads
        function()
    else:
        thread.join()


def _begin(plan: Plan, begun: float) -> Start | GatewayError:
    try:
        return Start(plan, begun)
    except GatewayError as error:
        return error
    except OSError as error:
        return cannot_start(plan.spec, error)


def cannot_start(spec: Spec, error: OSError) -> StartError:
    """Return the error of a start for which the system did not give what it takes."""
    return StartError(f"{spec}: cannot start it: {why_not(error)}", str(spec))


@contextlib.contextmanager
def start_all(plans: Sequence[Plan]) -> Iterator[list[Start | GatewayError]]:
    """Start all of them at once; give a Start that said hello, or an error, for each.

    If anything is raised in its block, or comes in between, all of them are ended.
    """
    launch = Launch(plans)
    try:
        launch.run()
        wait_for_hellos(launch.starts)
        yield [r.error or r if isinstance(r, Start) else r for r in launch.results]
    except BaseException:  # a Ctrl-C: nobody will know of them, whether they said hello or not
        launch.undo()
        raise


def wait_for_hellos(starts: list[Start]) -> None:
    """Bring every start to its end: each has ``info`` or ``error`` afterwards."""
    alone = [start for start in starts if not start.over and not start.process.transport.pollable]
    for start in alone:
        threading.Thread(target=start.run_alone, name="gatewaylib-start", daemon=True).start()
    pending = [start for start in starts if start not in alone and not start.over]
    while pending:
        poll = select.poll()
        polled: dict[int, Start] = {}
        for start in pending:
            for fd, events in start.events.items():
                poll.register(fd, events)
                polled[fd] = start
        left = min(start.deadline for start in pending) - time.monotonic()
        for fd, events in poll.poll(min(max(0.0, left), MAX_WAIT) * 1000):
            if not polled[fd].over:
                polled[fd].step(fd, events)
        now = time.monotonic()
        for start in pending:
            if not start.over and start.deadline <= now:
                start.run_out_of_time()
        pending = [start for start in pending if not start.over]
    for start in alone:
        if not start.alone.wait(max(0.0, start.deadline - time.monotonic())):
            start.run_out_of_time()
