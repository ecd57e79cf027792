# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Calling functions in the child of every fork: threads and connections stay behind."""
from __future__ import absolute_import

import os

_functions = []


def call_in_forks(function):
    """Have ``function()`` called in each child that ``os.fork`` makes, in the order given."""
    if not _functions:
        _listen()
    _functions.append(function)


def _listen():
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_call)
    elif hasattr(os, "fork"):
        # Python 2.7 and 3.6 tell nobody. What forks in C there mostly runs a program next.
        fork = os.fork

        def fork_and_call():
            pid = fork()
            if pid == 0:
                _call()
            return pid

        os.fork = fork_and_call


def _call():
    for function in list(_functions):
        function()
