# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The remote half of ``gatewaylib run``: runs what it is sent, and tells what comes of it.

It receives one job, a dict::

    {"kind": "script", "source": bytes, "filename": text, "path": text or None, "argv": [text]}
    {"kind": "function", "module": text, "function": text, "source": bytes or None,
     "filename": text, "args": [text], "map": bool}

and sends tuples, in the order in which things happened::

    ("out", text) ("err", text)       whole lines written to sys.stdout and sys.stderr
    ("ready",)                        map only: the function is loaded, send items
    ("result", value)                 it ended; with map once for each item received
    ("failed", traceback, summary, exit status or None)

Output goes over the channel, not through the standard streams of the process, so what
was printed is at the other end before the result is. What writes to the descriptors
themselves, a child process for example, is left to the gateway's ``on_output``.
"""
from __future__ import absolute_import

import codecs
import linecache
import os
import sys
import threading
import traceback
import types

MAX_PENDING = 65536  # characters without a newline that are kept before they are sent as they are


class LineSender(object):
    """Stands for sys.stdout or sys.stderr and sends what is written, whole lines at a time.

    It takes text and bytes, as the two Pythons write either, so it is its own ``buffer``.
    Any thread may write. After ``stop_sending`` it writes to the stream it stood for, and
    so it does in a fork of this process: the connection belongs to the parent.
    """

    encoding = "utf-8"
    errors = "backslashreplace"
    mode = "w"
    newlines = None
    line_buffering = True
    closed = False

    def __init__(self, send, original):
        self._send, self._original = send, original
        self._process = os.getpid()
        self._pieces, self._size = [], 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        # Re-entrant: a signal handler may print while its thread is in write().
        self._lock = threading.RLock()
        self.buffer = self
        self.name = getattr(original, "name", None)

    def _is_sending(self):
        return self._send is not None and os.getpid() == self._process

    def write(self, data):
        """Take text or UTF-8 bytes; send the lines it completes; return its length."""
        if not self._is_sending():
            return self._original.write(data)
        with self._lock:
            text = data if isinstance(data, type(u"")) else self._decoder.decode(bytes(data))
            self._pieces.append(text)
            self._size += len(text)
            ready = u""
            if u"\n" in text:
                pending = u"".join(self._pieces)
                cut = pending.rfind(u"\n") + 1
                ready, rest = pending[:cut], pending[cut:]
                self._pieces, self._size = [rest], len(rest)
        if ready:
            self._send_text(ready)
        elif self._size > MAX_PENDING:
            self.end_line()
        return len(data)

    def end_line(self):
        """Send what waits for its newline."""
        with self._lock:
            pending = u"".join(self._pieces)
            self._pieces, self._size = [], 0
        if pending:
            self._send_text(pending)

    def _send_text(self, text):
        send = self._send
        if send is None:
            self._original.write(text)
        else:
            # A surrogate is text that no other Python can be given: it goes as its escape.
            send(text.encode("utf-8", self.errors).decode("utf-8", "replace"))

    def stop_sending(self):
        """Send what is left, and write to the original stream from now on."""
        self.end_line()
        self._send = None

    def writelines(self, lines):
        """Write one after another."""
        for line in lines:
            self.write(line)

    def flush(self):
        """Do nothing: whole lines are sent at once, and parts of one wait for the rest."""
        if not self._is_sending():
            self._original.flush()

    def close(self):
        """Do nothing, as a wrapper that is collected closes what it wraps."""

    def reconfigure(self, **options):
        """Do nothing: the encoding is this end's business."""

    def fileno(self):
        """Return the descriptor that a child process may be given: the original's."""
        return self._original.fileno()

    def isatty(self):
        """Return what it is: a text stream that is written only."""
        return False

    def readable(self):
        """Return what it is: a text stream that is written only."""
        return False

    def writable(self):
        """Return what it is: a text stream that is written only."""
        return True

    def seekable(self):
        """Return what it is: a text stream that is written only."""
        return False


def describe_failure():
    """Return the "failed" item for the exception being handled, without this file's frames."""
    kind, error, frames = sys.exc_info()
    while frames is not None and frames.tb_frame.f_globals is globals():
        frames = frames.tb_next
    lines = traceback.format_exception(kind, error, frames)
    summary = traceback.format_exception_only(kind, error)[-1].strip()
    return (u"failed", as_text("".join(lines)), as_text(summary), None)


def as_text(value):
    """Return a native str as text that can travel."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def as_native(text):
    """Return text as sys.argv and names have it: bytes on Python 2."""
    return text if str is type(u"") else text.encode("utf-8")


def outcome_of(function, *args):
    """Call it; return the item that tells what came of it: "result" or "failed"."""
    before = set(threading.enumerate())
    try:
        result = function(*args)
        wait_for_threads(before)
        return (u"result", result)
    except SystemExit as error:
        code = error.code
        if code is None or code == 0:
            return (u"result", None)
        if isinstance(code, int):
            return (u"failed", u"", u"exit status %d" % code, int(code))
        text = as_text(str(code))
        return (u"failed", text + u"\n", u"exit status 1: %s" % text, 1)
    except BaseException:  # whatever user code raises is this gateway's result
        return describe_failure()


def wait_for_threads(before):
    """Wait for the threads that a script leaves, as Python itself does before it exits."""
    waiting = True
    while waiting:
        waiting = [
            thread for thread in threading.enumerate()
            if thread not in before and not thread.daemon and thread.is_alive()
        ]
        for thread in waiting:
            thread.join()


def remember_source(filename, source):
    """Let tracebacks show the lines of a file that need not exist here."""
    lines = [as_native(line) for line in source.decode("utf-8", "replace").splitlines(True)]
    linecache.cache[filename] = (len(source), None, lines, filename)


def run_script(job):
    """Run a script's source as ``__main__``."""
    filename = as_native(job["filename"])
    remember_source(filename, job["source"])
    main = types.ModuleType("__main__")
    sys.argv[:] = [as_native(arg) for arg in job["argv"]]
    if job["path"] is not None:
        main.__file__ = as_native(job["path"])
        directory = os.path.dirname(main.__file__)
        if os.path.isdir(directory):  # as Python does, so that it finds the files beside it
            sys.path.insert(0, directory)
    # Python 2 clears a module that nobody holds, and the old one may still be serving.
    sys.modules["_gatewaylib_main"] = sys.modules.get("__main__")
    sys.modules["__main__"] = main
    exec(compile(job["source"], filename, "exec", 0, True), main.__dict__)


def load_function(job):
    """Make the module from its source, or import this end's own; return its function."""
    name = as_native(job["module"])
    if job["source"] is None:
        __import__(name)
    elif name not in sys.modules or not hasattr(sys.modules[name], "__gatewaylib_sent__"):
        make_module(name, as_native(job["filename"]), job["source"])
    found = sys.modules[name]
    for part in job["function"].split("."):
        found = getattr(found, as_native(part))
    return found


def make_module(name, filename, source):
    """Run source as the module of that name, its packages found here or empty."""
    remember_source(filename, source)
    package = name.rpartition(".")[0]
    if package:
        make_package(package)
    module = types.ModuleType(name)
    module.__file__ = filename
    module.__package__ = package
    module.__gatewaylib_sent__ = True
    sys.modules[name] = module
    if package:
        setattr(sys.modules[package], name.rpartition(".")[2], module)
    exec(compile(source, filename, "exec", 0, True), module.__dict__)


def make_package(name):
    """Import a package, or put an empty one in its place where there is none."""
    try:
        __import__(name)
    except ImportError:
        parent, _, last = name.rpartition(".")
        if parent:
            make_package(parent)
        package = types.ModuleType(name)
        package.__path__ = []
        sys.modules[name] = package
        if parent:
            setattr(sys.modules[parent], last, package)


def report(channel, outcome):
    """Send an outcome; where its value can't travel, send the error that says so."""
    try:
        channel.send(outcome)
    except Exception:
        if outcome[0] != "result" or channel.isclosed():
            raise
        error = sys.exc_info()[1]
        summary = u"the result can't be sent: %s" % as_text(str(error)).replace(u"$[1]", u"$", 1)
        channel.send((u"failed", summary + u"\n", summary, None))


def leave_fork(outcome):
    """End a fork of this process whose code ran to its end; the outcome is the parent's."""
    status = 0
    if outcome[0] == "failed":
        sys.stderr.write(outcome[1])
        status = 1 if outcome[3] is None else outcome[3] & 255
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def run_job(channel, job, streams):
    """Do a job to its end, each output line and outcome being sent as it comes."""
    process = os.getpid()

    def tell(outcome):
        if os.getpid() != process:
            leave_fork(outcome)
        for stream in streams:
            stream.end_line()
        report(channel, outcome)

    if job["kind"] == "script":
        tell(outcome_of(run_script, job))
        return
    loaded = outcome_of(load_function, job)
    if loaded[0] == "failed":
        tell(loaded)
    elif not job["map"]:
        tell(outcome_of(loaded[1], *job["args"]))
    else:
        tell((u"ready",))
        for item in channel:
            tell(outcome_of(loaded[1], item))


def serve(channel):
    """Receive one job and do it with sys.stdout and sys.stderr sent to the other end."""
    job = channel.receive()
    sys.stdout = out = LineSender(lambda text: channel.send((u"out", text)), sys.stdout)
    sys.stderr = err = LineSender(lambda text: channel.send((u"err", text)), sys.stderr)
    try:
        run_job(channel, job, (out, err))
    finally:
        out.stop_sending()
        err.stop_sending()


if __name__ == "__channelexec__":
    serve(channel)  # noqa: F821 - remote_exec gives a module its channel as a global
