# shipped: stdlib only; Python 2.7-3.14, PyPy, Jython
"""The files of certificates and keys that TLS takes; ssl itself is imported where one is given."""

from __future__ import absolute_import


def use_files(names, function, *args, **options):
    """Return what a function of ssl makes of files; raise ValueError that has their names.

    What ssl says has no name of a file, and where it is no certificate not even a sentence.
    """
    import ssl

    try:
        return function(*args, **options)
    except ssl.SSLError as error:
        raise ValueError(
            "%s: not the certificate, or not the key without a passphrase that belongs to it, in"
            " PEM format: %s" % (names, getattr(error, "reason", None) or error)
        )
    except (OSError, IOError) as error:
        raise ValueError("%s: %s" % (names, error.strerror or error))
    except ValueError as error:  # a name that can't be one
        raise ValueError("%s: %s" % (names, error))


def make_tls(cert, key, client_ca):
    """Return the SSLContext of a server with these files; the last two may be None."""
    import ssl

    context = use_files(
        "--client-ca %s" % client_ca,
        ssl.create_default_context,
        ssl.Purpose.CLIENT_AUTH,
        cafile=client_ca,
    )
    if hasattr(context, "minimum_version"):
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    else:
        context.options |= ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1
    names = "--cert %s" % cert + (" with --key %s" % key if key else "")
    # A passphrase that is asked for on a terminal would be waited for.
    use_files(names, context.load_cert_chain, cert, key, lambda: "")
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
