# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""A server on a gateway, for one connection: the far half of ``installvia=``.

It is sent as a task, receives ``(host, port, token, seconds)`` and sends its address.
"""

from __future__ import absolute_import

from .background import start_thread
from .listening import listen
from .server import Server


def serve_channel(channel):
    """Begin to serve; a thread goes on, so that the gateway is free for others."""
    host, port, token, seconds = channel.receive()
    listener, _ = listen(str(host), port)
    try:
        start_thread(Server(listener, token).serve_one, seconds)
        address = listener.getsockname()
    except BaseException:
        listener.close()
        raise
    channel.send((address[0], address[1]))


if __name__ == "__channelexec__":
    serve_channel(globals()["channel"])
