"""Count the words of the standard library's sources, each file on a gateway that is free.

Run as a script it lists the files; ``count`` runs at the gateways and gets one file's name
each; ``top`` runs at this end and makes one table of all that was counted::

    python examples/wordcount.py | gatewaylib run --on '2*popen' --map - \
        --reduce examples.wordcount:top examples.wordcount:count

``count`` runs on Python 2.7 too, so any interpreter of this machine may take its share.
"""

import collections
import io
import os
import re
import sysconfig

WORD = re.compile("[A-Za-z]+")


def list_files():
    # type: () -> list[str]
    """Return the names of the standard library's sources, its tests and packages left out."""
    found = []
    for folder, folders, names in os.walk(sysconfig.get_path("stdlib")):
        left_out = {"test", "tests", "site-packages", "dist-packages", "__pycache__"}
        folders[:] = sorted(set(folders) - left_out)
        found += [os.path.join(folder, name) for name in sorted(names) if name.endswith(".py")]
    return found


def count(path):
    # type: (str) -> dict[str, int]
    """Return how often each word is in the file, as a dict; upper and lower case are one."""
    with io.open(path, encoding="utf-8", errors="replace") as file:  # noqa: UP020 - as on 2.7
        words = WORD.findall(file.read())
    return dict(collections.Counter(word.lower() for word in words))


def top(counts, length=10):
    # type: (list[dict[str, int]], int) -> list[dict[str, object]]
    """Return the most frequent words of all files, as the rows of a table."""
    total = collections.Counter()  # type: collections.Counter[str]
    for one in counts:
        total.update(one)
    # Equally frequent words in the order of the alphabet, so that there is one answer.
    ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:length]
    return [
        {"rank": rank, "word": word, "count": number}
        for rank, (word, number) in enumerate(ranked, 1)
    ]


if __name__ == "__main__":
    for name in list_files():
        print(name)
