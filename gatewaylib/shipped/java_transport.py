# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""Jython's standard streams as a transport.

It has no ``os.dup``, and its ``os.read(0)`` fails with a bad file descriptor.
"""
from __future__ import absolute_import

import errno
import os
import sys

from jarray import zeros
from java.io import (
    ByteArrayInputStream,
    FileDescriptor,
    FileInputStream,
    FileOutputStream,
    IOException,
)
from java.lang import System

from .compat import joined
from .transport import Transport


class JavaTransport(Transport):
    """The Java streams of two descriptors; neither can be polled or asked for room."""

    def __init__(self, write_fd):
        self._input = FileInputStream(getattr(FileDescriptor, "in"))
        known = {0: getattr(FileDescriptor, "in"), 1: FileDescriptor.out}
        # Java makes no stream of a number, but the system has a file for each.
        self._output = FileOutputStream(known.get(write_fd) or "/proc/self/fd/%d" % write_fd)

    def receive(self, size):
        buffer = zeros(size, "b")
        try:
            count = self._input.read(buffer)
        except IOException:
            return b""
        return buffer[:count].tostring() if count > 0 else b""

    def write_one(self, data):
        try:
            self._output.write(joined([data]))
            self._output.flush()
        except IOException as error:
            raise IOError(errno.EPIPE, error.getMessage())

    def write_now(self, buffers):
        return 0  # a Java stream can't say: the caller's pool writes

    def wait_writable(self, timeout):
        return True


def take_java_streams(write_fd):
    """Make the standard streams a transport; see ``take_standard_streams``."""
    transport = JavaTransport(write_fd)
    System.setIn(ByteArrayInputStream(b""))
    sys.stdin = open(os.devnull)
    if write_fd == 1:
        System.setOut(System.err)
        sys.stdout = sys.stderr
    return transport
