# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""A lock for Jython that any thread may release; its own belong to the thread that has them."""
from __future__ import absolute_import

from java.util.concurrent import Semaphore, TimeUnit


class JavaLock(object):
    """As threading.Lock is elsewhere, time limit included."""

    def __init__(self):
        self._semaphore = Semaphore(1)

    def acquire(self, blocking=True, timeout=-1):
        if not blocking:
            return self._semaphore.tryAcquire()
        if timeout is None or timeout < 0:
            self._semaphore.acquire()
            return True
        return self._semaphore.tryAcquire(int(timeout * 1000000), TimeUnit.MICROSECONDS)

    def release(self):
        if self._semaphore.availablePermits():
            raise RuntimeError("release of a lock that nobody has")
        self._semaphore.release()

    def locked(self):
        return not self._semaphore.availablePermits()

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, kind, error, traceback):
        self.release()
