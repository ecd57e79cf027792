# plain: runs on every interpreter
"""Run plain test functions on any interpreter, with nothing installed there.

    python2.7 testing/run_plain.py testing/test_frames.py ...

A plain file says so in its first line (`MARK`), and its tests are functions without
arguments. Of gatewaylib it can import what is shipped, and nothing else: the package's
own ``__init__`` is for current Pythons only, so an empty module stands in for it.

Prints the traceback of each failure and ``N passed, N failed``; the exit status is 0 if
all passed. Warnings are errors, and so is a thread that a test leaves behind.
"""

from __future__ import absolute_import, print_function

import io
import os
import sys
import threading
import traceback
import types
import warnings

try:
    import faulthandler
except ImportError:  # Python 2: whoever started us has a timeout
    faulthandler = None

MARK = "# plain: runs on every interpreter"
TIMEOUT = 180  # seconds, for each test
HERE = os.path.dirname(os.path.abspath(__file__))


def is_plain(path):
    """Return whether the file's first line says that it runs anywhere."""
    with io.open(path, encoding="utf-8") as lines:
        return lines.readline().startswith(MARK)


def load(path):
    """Return the test file as a module, run on this interpreter."""
    name = os.path.splitext(os.path.basename(path))[0]
    module = types.ModuleType(name)
    module.__file__ = os.path.abspath(path)
    sys.modules[name] = module
    with open(path, "rb") as source:
        code = compile(source.read(), module.__file__, "exec", 0, True)
    exec(code, module.__dict__)
    return module


def run_test(function):
    """Call one test; return None, or the text that says how it failed."""
    before = set(threading.enumerate())
    if faulthandler is not None:
        faulthandler.dump_traceback_later(TIMEOUT, exit=True)
    try:
        function()
    except KeyboardInterrupt:
        raise
    except BaseException:  # SystemExit too: it would end the run with success
        return traceback.format_exc()
    finally:
        if faulthandler is not None:
            faulthandler.cancel_dump_traceback_later()
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(2)
    alive = [thread.name for thread in left if thread.is_alive()]
    return "threads left behind: %s\n" % ", ".join(alive) if alive else None


def main(paths):
    """Run the tests of these files; return the exit status."""
    package = types.ModuleType("gatewaylib")
    package.__path__ = [os.path.join(os.path.dirname(HERE), "gatewaylib")]
    sys.modules["gatewaylib"] = package
    sys.path.insert(0, HERE)
    sys.dont_write_bytecode = True
    warnings.simplefilter("error")
    passed = failed = 0
    for path in paths:
        module = load(path)
        for name, function in sorted(vars(module).items()):
            if not (name.startswith("test_") and isinstance(function, types.FunctionType)):
                continue
            failure = run_test(function)
            if failure is None:
                passed += 1
            else:
                failed += 1
                print("FAILED %s::%s\n%s" % (os.path.basename(path), name, failure))
    print("%d passed, %d failed" % (passed, failed))
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
