"""execnet's scripts, under their names: ``python -m gatewaylib.script.socketserver``."""
