"""Starting remotes: pack the shipped sources, send them, wait for the hello.

The remote reads a line, its options among them, the unpacker and a table of all that is
always shipped. Then both sides are silent until its hello, because Python 3 reads stdin
ahead and would swallow what came right behind. Each start has its own time limit and its
own error; launch.py takes any number of them through it at once.
"""

from __future__ import annotations

import functools
import marshal
import os
import select
import signal
import struct
import threading
import time
from importlib.machinery import SourceFileLoader
from typing import Any, NamedTuple

from .hello import read_hello
from .quoting import printable
from .shipped.debug import told
from .shipped.errors import (
    HostNotFound,
    LoadError,
    StartError,
    TimeoutError,  # noqa: A004
)
from .shipped.protocol import VERSION
from .shipped.serializer import Serializer
from .shipped.transport import Transport, rest_of
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
BOOT_COMPILED = (
    "import sys,marshal;f=sys.stdin.buffer;w=f.readline().split();l=marshal.loads;"
    "exec(l(f.read(int(w[0]))),{'stdin':f,'words':w,'loads':l})"
)
PIPE_SIZE = 2**16  # bytes that a pipe takes of itself, on Linux
NOISE = 2**16  # bytes a login may print before the hello
QUOTED = 500  # bytes of it that an error quotes
MAX_HELLO = 2**16
HELLO_SIZE = struct.Struct("!I")
PACKAGE = os.path.dirname(os.path.abspath(__file__))
# What a remote needs of the shipped modules before its first task is over, in the order in
# which they may import.
AT_ONCE = """
    __init__ shipped.__init__ shipped.compat shipped.errors shipped.trace shipped.debug
    shipped.runs shipped.frames shipped.columns shipped.sendable shipped.records
    shipped.decoder shipped.layouts shipped.small shipped.serializer shipped.channel_state
    shipped.arriving shipped.outgoing shipped.events shipped.protocol shipped.forks
    shipped.threads shipped.slots shipped.transport shipped.pipe_transport
    shipped.standard_streams shipped.writing shipped.polling shipped.reading
    shipped.channel_file shipped.told_errors shipped.channel shipped.callbacks shipped.handles
    shipped.heartbeat shipped.sending shipped.receiving shipped.task_sources shipped.tasks
    shipped.names gateway_base shipped.worker
""".split()


@functools.lru_cache(maxsize=2)
def _packed(compiled: bool) -> tuple[bytes, bytes]:
    """Return the unpacker and the table; ``compiled``: for an interpreter like this one."""
    return _pack_codes() if compiled else _pack_sources()


def _pack_sources() -> tuple[bytes, bytes]:
    sources = {name: _loader(name).get_data(_path(name)) for name in _always_sent()}
    unpack = sources.pop("shipped.unpack")
    sources["__init__"] = b""
    head = "".join(f"{name} {len(source)}\n" for name, source in sources.items())
    return unpack, head.encode() + b"\n" + b"".join(sources.values())


def _pack_codes() -> tuple[bytes, bytes]:
    # The loader takes the code from the bytecode that importing the file has left, if it can.
    # Whoever runs that code, on this machine, finds the source where it says it is from.
    codes = {name: _loader(name).get_code(name) for name in _always_sent()}
    unpack = codes.pop("shipped.unpack")
    codes["__init__"] = compile("", _path("__init__"), "exec")
    at_once = {name: codes.pop(name) for name in AT_ONCE}
    later = {name: marshal.dumps(code) for name, code in codes.items()}
    return marshal.dumps(unpack), marshal.dumps({**at_once, **later})


def _always_sent() -> list[str]:
    files = sorted(os.listdir(os.path.join(PACKAGE, "shipped")))
    return ["gateway_base", *(f"shipped.{name[:-3]}" for name in files if name.endswith(".py"))]


def _path(name: str) -> str:
    return os.path.join(PACKAGE, *name.split(".")) + ".py"


def _loader(name: str) -> SourceFileLoader:
    return SourceFileLoader(name, _path(name))


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
        has_slots: whether the remote uses the ``Slots`` that were passed on to it.
        early: bytes that came behind the hello.
        error: the StartError, if it failed; nothing is left of it then.
    """

    def __init__(self, plan: Plan, begun: float) -> None:
        self.spec = spec = plan.spec
        begun = begun if plan.begun is None else plan.begun
        self._plan, self.deadline = plan, begun + plan.timeout
        self.info: dict[str, Any] | None = None
        self.has_slots = False
        self.early = b""
        self.error: StartError | None = None
        self._hello = f"gatewaylib-hello-{os.urandom(8).hex()}:"
        options = _options(spec, plan.execmodel, self._hello).hex().encode()
        # An interpreter like this one, on this machine, may run our code.
        compiled = spec.kind == "popen" and plan.via is None and spec.python is None
        unpack, table = _packed(compiled)
        self._got = b""
        self._late = False
        self.alone = threading.Event()  # run_alone has ended
        self._deciding = threading.Lock()  # run_alone may get on while its time runs out
        # The last step, behind all that can fail: from here on there is something to end.
        program = BOOT_COMPILED if compiled else BOOT
        self.process: Remote = start_process(spec, program, plan.output, plan.via)
        words = b"%d %d %d " % (len(unpack), len(table), self.process.write_fd)
        options += b" %d\n" % self.process.slots_fd
        self._unsent: list[bytes | memoryview] = [words + options, unpack, table]
        self._roomy = compiled
        if compiled:
            # All is sent while the interpreter starts, and neither side waits for the other.
            self.process.transport.make_room(sum(map(len, self._unsent)))

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
        """Do all steps, in a thread of its own: what can't be polled blocks.

        What can be waited for in no more than a time does not outlast that of the start.
        """
        try:
            self.process.begin(self._left())
            transport = self.process.transport
            self._send_alone(transport)
            while not self.over and transport.wait_readable(self._left()):
                data = transport.receive(2**16)
                if not data:
                    raise OSError("the end of the stream")
                self._take(data)
        except StartError as error:
            self.refuse(error)
        except TimeoutError:
            pass  # whoever waits for this start tells that its time is over
        except OSError:
            # How it ended is told right behind the end of what it said.
            self.fail("ended before it said hello", patience=min(1.0, self._left()))
        except Exception as error:
            # Whatever it was, it must not pass for a start.
            self.fail(f"made its start fail: {error.__class__.__name__}: {error}")
        finally:
            self.alone.set()

    def _send_alone(self, transport: Transport) -> None:
        if not (transport.rings or transport.pollable):
            transport.write(self._unsent)
            return
        while self._unsent and transport.wait_writable(self._left()):
            self._unsent = rest_of(self._unsent, transport.write_now(self._unsent))

    def _left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

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
            info = read_hello(payload)
            self.has_slots = info.pop("has_slots")
        except LoadError as error:
            self.fail(str(error))
            return
        with self._deciding:
            self.info = None if self._late else info
            if self._roomy and self.info is not None:
                self.process.transport.make_room(PIPE_SIZE)  # a user may have few wide pipes

    def stop(self) -> None:
        """Kill it if there is no hello yet, and take none any more; ``run_out_of_time`` tells."""
        with self._deciding:
            if not self.over:
                self._late = True
                self.process.signal(signal.SIGKILL)

    def run_out_of_time(self, patience: float = 0.3) -> None:
        """Fail because there is no hello yet; its end has ``patience`` seconds to be told."""
        with self._deciding:
            if not self.over:
                self._late = True
                what = (
                    f"did not say hello within {self._plan.timeout:.3g} s; if it is only slow, "
                    f"give it longer with {self._plan.timeout_name}="
                )
                self.error = self._describe_failure(what, 0.0, patience)

    def fail(self, what: str, patience: float = 0.0) -> None:
        """End the process and keep the error; ``what`` goes behind the command's name.

        It has ``patience`` seconds to end by itself, and then says with which status.
        """
        with self._deciding:
            if not self.over and not self._late:
                self.error = self._describe_failure(what, patience)

    def refuse(self, error: StartError) -> None:
        """End the process and keep an error that tells all there is to tell."""
        with self._deciding:
            if not self.over and not self._late:
                end_process(self.process)
                self.error = error

    def _describe_failure(self, what: str, patience: float, last: float = 0.3) -> StartError:
        process = self.process
        name = process.argv[0]  # of a connection it changes with what becomes of it
        ended_itself = not self._late and process.wait(patience)
        status = end_process(process, last)
        if process.why_not_run is not None:
            return StartError(f"{self.spec.shown}: {process.why_not_run}", str(self.spec), status)
        known = process.pid is not None or status is not None
        how = f" ({describe_status(status)})" if ended_itself and known else ""
        words = process.output.last_words()
        printed = process.output.last_words("stdout") + shown_noise(self._got)
        message = f"{self.spec.shown}: {printable(name)} {what}{how}"
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
    return printable(data[-QUOTED:].decode("utf-8", "replace"))


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
    ``via=`` names. ``begun``: since when its seconds count, by ``time.monotonic``; None: since
    the start of all that are started with it.
    """

    spec: Spec
    output: Output
    timeout: float
    execmodel: str
    timeout_name: str = "start_timeout"
    via: Any = None
    begun: float | None = None


def cannot_start(spec: Spec, error: OSError) -> StartError:
    """Return the error of a start for which the system did not give what it takes."""
    return StartError(f"{spec.shown}: cannot start it: {why_not(error)}", str(spec))
