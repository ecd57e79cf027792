# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The server's command line, the same for the script and for ``gatewaylib serve``."""

from __future__ import absolute_import, print_function

import argparse
import os
import signal
import sys

from .background import log
from .listening import listen, parse_address
from .server import Server
from .tls import make_tls
from .tokens import TOKEN_VARIABLE, given_token, random_token


def make_parser(name=None, note=""):
    """Return the parser of a command that is called so, by default as its script is.

    ``note``: what its help says at the end.
    """
    parser = argparse.ArgumentParser(
        prog=name,
        description="Give each connection that knows the token a fresh Python interpreter:"
        " to gatewaylib, with a spec of socket=HOST:PORT.",
        epilog="The token is a random one, printed at the start, unless %s or --token-file"
        " gives one. To reach an address other than loopback, give a token or --client-ca. %s"
        % (TOKEN_VARIABLE, note),
    )
    add = parser.add_argument
    add(
        "address",
        nargs="?",
        default="127.0.0.1:8888",
        metavar="HOST:PORT",
        help="where to listen; port 0 is any free one; default %(default)s",
    )
    add("--token-file", metavar="FILE", help="the file that has the token")
    add("--cert", metavar="FILE", help="certificate chain: speak TLS")
    add("--key", metavar="FILE", help="private key, if it is not in that file")
    add(
        "--client-ca",
        metavar="FILE",
        help="with TLS: take only clients with a certificate of this authority's",
    )
    add(
        "--insecure-no-token",
        action="store_true",
        help="run what anybody who can connect says, as execnet's server does",
    )
    return parser


def choose_token(options):
    """Return the token and whether it was made here; "" where clients need none."""
    if options.insecure_no_token:
        if options.token_file:
            raise ValueError("--token-file and --insecure-no-token contradict each other")
        return "", False
    token = given_token(options.token_file)
    if token is None and options.client_ca:
        return "", False  # their certificates prove more
    return token or random_token(), token is None


def main(args=None, name=None, note=""):
    """Serve until a signal; ``args`` are by default those of this process."""
    parser = make_parser(name, note)
    options = parser.parse_args(args)
    if (options.key or options.client_ca) and not options.cert:
        parser.error("--key and --client-ca are for TLS, which needs --cert")
    tls = None
    try:
        host, port = parse_address(options.address)
        token, is_new = choose_token(options)
        if options.cert:
            tls = make_tls(options.cert, options.key, options.client_ca)
        listener, is_loopback = listen(host, port)
    except (OSError, IOError, ValueError) as error:
        parser.error("%s: %s" % (options.address, error))
    if is_new and not is_loopback:
        listener.close()
        parser.error(
            "%s can be reached from other machines: give a token by %s or --token-file, or"
            " --client-ca" % (options.address, TOKEN_VARIABLE)
        )
    os.environ.pop(TOKEN_VARIABLE, None)
    if options.insecure_no_token and not options.client_ca:
        log("WARNING: no token is asked for; whoever can connect runs what they like here")
    host, port = listener.getsockname()[:2]
    print("listening on %s:%d" % ("[%s]" % host if ":" in host else host, port))
    if is_new:
        print("token: %s" % token)
    sys.stdout.flush()
    server = Server(listener, token, tls)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        server.serve()
    except (KeyboardInterrupt, SystemExit) as error:
        server.close()
        # Python 2 would have its daemon threads complain that there is no interpreter any more.
        os._exit(error.code if isinstance(error, SystemExit) else 130)


if __name__ == "__main__":
    main()
