"""How fast gatewaylib is, side by side with its peers: ``python -m bench --help``.

Nothing here is shipped, installed or imported by the library. A part is a file with
``measure(peers, effort) -> list of Row``; a peer is a class in ``peers.py``, ``raw.py``.
"""
