"""execnet's socketserver: runs the server of ``shipped/on_demand/socket_server/``.

It takes that one's arguments, and asks a token; ``--print-script`` prints a script to be
copied to where nothing is installed. Sent to a gateway, as execnet's could be, it does
nothing but say how that is done here: ``socket//installvia=ID``.
"""

from __future__ import annotations

import os
import runpy
import sys

if __name__ == "__main__":
    # By its name: where only this file is named, python does not know its package.
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if not __package__:
        sys.path[0] = os.path.dirname(package)
    runpy.run_module(os.path.basename(package) + ".commandline.serve", run_name="__main__")
elif __name__ == "__channelexec__":
    raise RuntimeError("to start a socket server on a gateway use the spec socket//installvia=ID")
