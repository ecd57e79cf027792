"""execnet's gateway_bootstrap: where programs find the error for a host that is not there."""

from .shipped.errors import HostNotFound as HostNotFound
