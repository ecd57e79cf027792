# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""One hook for whoever wants to see what happens; silent unless somebody listens.

``listeners`` is read at every call and may be changed at any time. A caller on a hot
path asks ``if trace.listeners:`` first, so that silence costs one look.
"""
from __future__ import absolute_import

listeners = []


def trace(event, **fields):
    """Tell every listener: ``listener(event, fields)``; one that raises is taken off."""
    for listener in list(listeners):
        try:
            listener(event, fields)
        except Exception:
            # Seeing must never change what is seen: a broken listener goes, the work stays.
            if listener in listeners:
                listeners.remove(listener)
