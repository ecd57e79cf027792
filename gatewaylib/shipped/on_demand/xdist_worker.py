# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The worker's half of pytest-xdist on gatewaylib: what ``import execnet`` means there.

``execnet`` is a module whose names are gatewaylib's, looked up when they are used, so that a
gatewaylib that comes with a later ``sys.path`` is found too. A worker need not have one:
then the sources that its gateway has brought stand for it, which is all that pytest-xdist
asks for there. The controller takes the same module; a worker runs this file as a task.

The plugin is known at a worker too, as it is asked for by the same ``-p``. It keeps pytest's
own report from going where the prints of the tests go.
"""
from __future__ import absolute_import

import importlib
import os
import sys
import types

EXECNET, OURS = "execnet", "gatewaylib"
PLUGIN = "gatewaylib.xdist"
# The release whose public names these are, for those who ask for a version.
VERSION = "2.1.2"
# What a worker's gateway has brought -> where, below its root.
HOMES = {
    "Channel": "shipped.channel",
    "DataFormatError": "shipped.errors",
    "DumpError": "shipped.errors",
    "GatewayLost": "shipped.errors",
    "HostNotFound": "shipped.errors",
    "LoadError": "shipped.errors",
    "RemoteError": "shipped.errors",
    "TimeoutError": "shipped.errors",
    "dump": "shipped.serializer",
    "dumps": "shipped.serializer",
    "load": "shipped.serializer",
    "loads": "shipped.serializer",
    "register": "shipped.serializer",
}


class Names(types.ModuleType):
    """A package whose names, and modules, are found by ``look_up`` when first asked for."""

    def __init__(self, name, look_up):
        super(Names, self).__init__(name, __doc__)
        self.__path__ = []
        self.__version__ = VERSION
        self._look_up = look_up

    def __getattr__(self, name):
        if name[:2] == "__":  # what the import system asks of modules: they may lack it
            raise AttributeError(name)
        return self._look_up(name)


def stand_in(**others):
    """Return the module to be ``execnet``; ``others`` are names that are not gatewaylib's."""
    module = Names(EXECNET, lambda name: getattr(importlib.import_module(OURS), name))
    module.__dict__.update(others)
    return module


def is_ours(module):
    """Return whether a module called execnet is a stand-in, made by whatever copy of this file."""
    return type(module).__name__ == Names.__name__ and not hasattr(module, "__file__")


def brought(root):
    """Return a gatewaylib of the modules below ``root``, those that a gateway has brought."""

    def look_up(name):
        if name not in HOMES:
            raise AttributeError(
                "%s.%s is not brought by a gateway: install gatewaylib at this end too"
                % (OURS, name)
            )
        return getattr(importlib.import_module("%s.%s" % (root, HOMES[name])), name)

    return Names(OURS, look_up)


class LastFinder(object):
    """Finds ``execnet``'s modules, which are gatewaylib's, and what is brought of that.

    It is the last one asked: a gatewaylib that is installed goes first.
    """

    def __init__(self, root=None):
        self._root = root

    def find_spec(self, name, path=None, target=None):
        top, _, rest = name.partition(".")
        if top == EXECNET or self._root and name == OURS:
            return type(sys.__spec__)(name, self)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        # The import system takes what stands here afterwards.
        top, _, rest = module.__name__.partition(".")
        made = importlib.import_module("%s.%s" % (OURS, rest)) if rest else brought(self._root)
        sys.modules[module.__name__] = made


def install(module, root=None):
    """Make ``module`` what ``import execnet`` gives in this process.

    ``root``: the package of what a gateway has brought, at a worker. Raises RuntimeError
    where execnet was imported before: both would be in use, and neither know the other's
    channels.
    """
    there = sys.modules.get(EXECNET)
    if there is not None:
        if is_ours(there):
            return
        raise RuntimeError(
            "execnet is imported already, from %s: gatewaylib has to come first"
            % getattr(there, "__file__", "somewhere")
        )
    sys.modules[EXECNET] = module
    if hasattr(sys, "__spec__"):  # Python 2 has another way to find modules, and no xdist
        sys.meta_path.append(LastFinder(root))


# ---- at a worker -----------------------------------------------------------------


def pytest_plugin_registered(plugin, manager):
    """Have a worker's pytest write its report nowhere: the controller writes one of all."""
    if manager.get_name(plugin) == "terminalreporter" and hasattr(plugin.config, "workerinput"):
        plugin._tw._file = open(os.devnull, "w")


def plugin():
    """Return the plugin, as it is at a worker."""
    module = types.ModuleType(PLUGIN, "PYTEST_DONT_REWRITE: it has no assertions.")
    module.pytest_plugin_registered = pytest_plugin_registered
    return module


def install_at_worker(channel):
    """Make ``import execnet`` at a worker mean gatewaylib, there or brought."""
    root = type(channel).__module__.partition(".")[0]
    # What the worker's own channels send and receive is made by what was brought.
    serializer = importlib.import_module(root + ".shipped.serializer")
    install(stand_in(register=serializer.register), root)
    sys.modules[PLUGIN] = plugin()


if __name__ == "__channelexec__":
    install_at_worker(channel)  # noqa: F821 - remote_exec gives a module its channel
