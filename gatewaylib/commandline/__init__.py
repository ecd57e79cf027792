"""The command line: ``gatewaylib run``, ``info``, ``sync`` and ``serve``.

``commands`` reads the arguments, ``target`` finds what is to run, ``fleet`` starts the
gateways and makes one stream of events of what they say, ``run``, ``map``, ``info`` and
``sync`` answer these events, and ``screen`` shows what comes of it. ``map_plan`` and
``values`` are pure. At the other end there is ``shipped/on_demand/run_script.py``. ``serve``
is another matter: it is the socket server.

This is how a command ends:
"""

OK = 0
FAILED = 1  # a gateway or an item did, even if others did all the work; or writing the output
USAGE = 2  # nothing was started: an argument is wrong, or click or rich is missing
NO_GATEWAY = 3  # none could be started, or none is left
OUT_OF_TIME = 124  # as timeout(1) has it
SIGNALLED = 128  # plus the signal: 130 is Ctrl-C, 141 a reader of the output that went away


class ReaderGone(Exception):
    """Nobody reads the output any more; click has its own way with a BrokenPipeError."""


class OutputFailed(Exception):
    """The output can't be written: the message says where to, and why."""
