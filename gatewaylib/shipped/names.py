# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""What programs import from ``execnet.gateway_base``: names of what is above, no more."""
from __future__ import absolute_import

from .channel import NO_ENDMARKER as NO_ENDMARKER_WANTED
from .channel import Channel
from .channel_file import ChannelFile, ChannelFileRead, ChannelFileWrite
from .errors import (
    INTERRUPT_TEXT,
    DataFormatError,
    DumpError,
    LoadError,
    RemoteError,
    TimeoutError,  # noqa: A004
)
from .serializer import dump, dumps, load, loads
from .tasks import MAIN_THREAD_BUSY as MAIN_THREAD_ONLY_DEADLOCK_TEXT
from .threads import ExecModel
from .threads import get_model as get_execmodel
from .trace import trace

sysex = (KeyboardInterrupt, SystemExit)

__all__ = [
    "INTERRUPT_TEXT",
    "MAIN_THREAD_ONLY_DEADLOCK_TEXT",
    "NO_ENDMARKER_WANTED",
    "Channel",
    "ChannelFile",
    "ChannelFileRead",
    "ChannelFileWrite",
    "DataFormatError",
    "DumpError",
    "ExecModel",
    "LoadError",
    "RemoteError",
    "TimeoutError",
    "dump",
    "dumps",
    "get_execmodel",
    "load",
    "loads",
    "sysex",
    "trace",
]
