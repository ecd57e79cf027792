from .channel import NO_ENDMARKER as NO_ENDMARKER_WANTED
from .channel import Channel as Channel
from .channel_file import ChannelFile as ChannelFile
from .channel_file import ChannelFileRead as ChannelFileRead
from .channel_file import ChannelFileWrite as ChannelFileWrite
from .errors import INTERRUPT_TEXT as INTERRUPT_TEXT
from .errors import DataFormatError as DataFormatError
from .errors import DumpError as DumpError
from .errors import LoadError as LoadError
from .errors import RemoteError as RemoteError
from .errors import TimeoutError as TimeoutError
from .serializer import dump as dump
from .serializer import dumps as dumps
from .serializer import load as load
from .serializer import loads as loads
from .tasks import MAIN_THREAD_BUSY as MAIN_THREAD_ONLY_DEADLOCK_TEXT
from .threads import ExecModel as ExecModel
from .threads import get_model as get_execmodel
from .trace import trace as trace

sysex: tuple[type[BaseException], ...]

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
