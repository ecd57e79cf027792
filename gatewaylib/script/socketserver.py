"""execnet's socketserver: runs the server of ``shipped/on_demand/socket_server.py``.

It takes that one's arguments, and asks a token. Sent to a gateway, as execnet's could be, it
does nothing but say how that is done here: ``socket//installvia=ID``.
"""

from __future__ import annotations

import os
import runpy

if __name__ == "__main__":
    # By its path: it works as well where only this file is named, without a package.
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    server = os.path.join(package, "shipped", "on_demand", "socket_server.py")
    runpy.run_path(server, run_name="__main__")
elif __name__ == "__channelexec__":
    raise RuntimeError("to start a socket server on a gateway use the spec socket//installvia=ID")
