# pure
"""Text from elsewhere, as a message of ours quotes it."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text so that nothing in it steers the terminal on which it is shown."""
    text = text.replace("\r\n", "\n").strip()
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)
