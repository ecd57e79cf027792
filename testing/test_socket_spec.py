"""Specs of sockets that can't work: each error is ours and says which value is wrong."""

import interpreters
import pytest
from socket_servers import make_certificates

import gatewaylib
from gatewaylib import SpecError, StartError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("socket=127.0.0.1:\u00b2", "is no address: it is written HOST:PORT"),
        ("socket=127.0.0.1:\u0663", "is no address: it is written HOST:PORT"),
        ("socket=127.0.0.1:-1", "is no address: it is written HOST:PORT"),
        ("socket=127.0.0.1: 1", "is no address: it is written HOST:PORT"),
        ("socket=host:1//key=mine.key", "key= is for TLS: add ca="),
        ("socket=host:1//cert=mine.pem", "cert= is for TLS: add ca="),
        ("socket=host:1//token_file=t//cert=mine.pem", "cert= is for TLS: add ca="),
        ("socket=host:1//ca=a.pem//key=mine.key", "key= is the key of a certificate: add cert="),
    ],
)
def test_a_value_that_makes_no_sense_is_named(spec, text):
    with pytest.raises(SpecError, match=text):
        gatewaylib.Group().makegateway(spec)


@pytest.mark.parametrize("key", ["ca", "cert", "key", "token_file"])
def test_a_key_that_installvia_has_no_use_for_is_named(key, group):
    group.makegateway("popen//id=first")

    with pytest.raises(SpecError, match=f"no TLS: leave out {key}="):
        group.makegateway(f"socket//installvia=first//{key}=x")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("ca=/no/such/file", "ca=/no/such/file: No such file or directory"),
        ("ca={folder}", "ca={folder}: "),
        ("ca=/etc/passwd", "ca=/etc/passwd: not the certificate.* in PEM format"),
        ("ca={folder}/ca.pem//cert=/no/such/file", "cert=/no/such/file: No such file"),
        ("ca={folder}/ca.pem//cert=/etc/passwd", "cert=/etc/passwd: not the certificate"),
        (
            "ca={folder}/ca.pem//cert={folder}/client.pem//key={folder}/server.key",
            "cert={folder}/client.pem with key={folder}/server.key: .*not the key .*belongs to it",
        ),
        ("token_file=/no/such/file", "/no/such/file"),
        ("token_file={folder}", "{folder}"),
        ("token_file=/dev/null", "the token in /dev/null has 0 characters"),
    ],
)
def test_a_file_that_is_no_good_is_named_and_why(options, text, folder):
    with pytest.raises(StartError, match=text.format(folder=folder)):
        gatewaylib.Group().makegateway(f"socket=127.0.0.1:1//{options.format(folder=folder)}")


@pytest.mark.slow
def test_a_gateway_that_can_serve_nobody_is_named_and_why(group):
    group.makegateway(f"popen//id=first//python={interpreters.find()['jython']}")

    with pytest.raises(StartError, match="no server on first: no interpreter can inherit a socket"):
        group.makegateway("socket//installvia=first")
