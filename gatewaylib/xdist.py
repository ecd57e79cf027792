"""A pytest plugin that runs pytest-xdist, unmodified, on gatewaylib in execnet's place.

``pytest -p gatewaylib.xdist -n 4``: importing this file makes ``import execnet`` mean
gatewaylib, here and in the workers, and execnet itself is never imported. So it has to be
imported ahead of xdist: by ``-p`` on the command line, in ``addopts`` or PYTEST_ADDOPTS.

The hooks below make of what gatewaylib knows more than xdist asks for: workers start
together, the end of one is told with its reason, and each may finish what it does last.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from .gateway import Gateway
from .multi import Group, StartErrors
from .shipped.channel import Channel
from .shipped.errors import GatewayError, GatewayLost, SpecError
from .shipped.on_demand import xdist_worker
from .xspec import SpecLike, as_xspecs

if TYPE_CHECKING:
    from .transports.output import OnOutput

INSTALL_TIMEOUT = 30.0  # seconds: a round trip, and the import of a module of a few KiB
LAST_WORK_TIMEOUT = 10.0  # seconds, as xdist gives its workers for their end


class XdistGroup(Group):
    """A group whose gateways know gatewaylib as execnet, and send instances of subclasses.

    Those of str and int, of which tests' parameters and warnings are full, would else be
    errors inside pytest; they arrive as what they are based on.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._ahead: dict[str, Gateway] = {}
        super().__init__(*args, **kwargs)

    def makegateway(
        self,
        spec: SpecLike | None = None,
        timeout: float | None = None,
        on_output: OnOutput | None = None,
    ) -> Gateway:
        """Return the gateway that was started ahead for the spec, or start one."""
        ahead = self._ahead.pop(getattr(spec, "id", None) or "", None)
        if ahead is not None:
            return ahead
        return super().makegateway(spec, timeout, on_output)

    def makegateways(self, specs: Any, *args: Any, **kwargs: Any) -> list[Gateway]:
        """Start interpreters as ``Group`` does, in which ``import execnet`` gives gatewaylib."""
        asked: list[Any] = as_xspecs(specs)
        for spec in asked:
            if spec.subclasses is None:
                spec.subclasses = True
        gateways = super().makegateways(asked, *args, **kwargs)
        try:
            for channel in [g.remote_exec(xdist_worker) for g in gateways]:
                channel.waitclose(INSTALL_TIMEOUT)
        except BaseException:
            self.end(gateways, 0.0)
            raise
        return gateways

    def start_ahead(self, specs: Sequence[Any]) -> None:
        """Start all of them together; ``makegateway`` then returns each for its spec."""
        gateways = self.makegateways(specs)
        self._ahead.update((gateway.id, gateway) for gateway in gateways)


def _take_the_place_of_execnet() -> None:
    if importlib.util.find_spec("xdist") is None:
        raise pytest.UsageError(
            "gatewaylib.xdist needs pytest-xdist: pip install gatewaylib[xdist]"
        )
    group = XdistGroup()
    names = xdist_worker.stand_in(
        Group=XdistGroup,
        default_group=group,
        makegateway=group.makegateway,
        set_execmodel=group.set_execmodel,
    )
    try:
        xdist_worker.install(names)
    except RuntimeError as error:
        raise pytest.UsageError(
            f"{error}. Give it as -p gatewaylib.xdist, on the command line or in addopts; "
            "pytest_plugins and PYTEST_PLUGINS are read too late"
        ) from None


_take_the_place_of_execnet()


class Hooks:
    """What is done at the controller, for one session.

    Attributes:
        finishing: the channels of workers that have said that they are finished.
    """

    def __init__(self) -> None:
        self.finishing: list[Channel] = []

    @pytest.hookimpl(trylast=True, optionalhook=True)
    def pytest_xdist_setupnodes(self, config: pytest.Config, specs: Sequence[Any]) -> None:
        session: Any = config.pluginmanager.get_plugin("dsession")
        try:
            session.nodemanager.group.start_ahead(specs)
        except (SpecError, StartErrors) as error:
            raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        if error is None:
            self.finishing.append(node.channel)

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_handlecrashitem(self, report: pytest.TestReport, sched: object) -> None:
        lost = report.node.gateway.ended_by
        if isinstance(lost, GatewayLost):
            report.longrepr = f"{report.longrepr}\n{lost}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Let workers do what they do last: their end follows, and that is a matter of moments."""
        deadline = time.monotonic() + LAST_WORK_TIMEOUT
        for channel in self.finishing:
            try:
                channel.waitclose(max(0.0, deadline - time.monotonic()))
            except GatewayError:
                pass  # it failed or took too long; what it had to say xdist has got


def pytest_configure(config: pytest.Config) -> None:
    """Begin, unless this is a worker."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Hooks(), "gatewaylib-xdist")
