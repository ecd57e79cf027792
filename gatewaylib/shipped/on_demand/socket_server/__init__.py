# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""A server of interpreters: each connection that proves itself gets a fresh one.

``handshake`` is what the two ends say first, and ``tokens`` what is proved by it;
``listening`` opens the port, and ``tls`` knows the certificates; ``server`` accepts, and
``session`` gives a connection its ``interpreter``, by ``copying`` where that can't have the
connection itself.
``command`` is its command line, ``installed`` its start on a gateway (``installvia=``); either
is joined with the others to one text where it is to run alone. POSIX only: the interpreter
inherits a socket.
"""

from __future__ import absolute_import
