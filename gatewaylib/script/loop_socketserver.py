"""execnet's loop_socketserver, which started a server again and again: ours serves for ever."""

from __future__ import annotations

import os
import runpy

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    runpy.run_path(os.path.join(here, "socketserver.py"), run_name="__main__")
