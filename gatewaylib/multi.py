"""Groups of gateways: made, addressed and ended together."""

from __future__ import annotations

import atexit
import itertools
import os
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from .gateway import Gateway
from .gateway_base import ENDED
from .hops import end_layers, in_waves
from .multichannel import MultiChannel as MultiChannel  # execnet has it here
from .shipped.debug import listen_as_told
from .shipped.errors import GatewayError, SpecError, StartError
from .shipped.forks import call_in_forks
from .shipped.threads import NAMES, ExecModel, get_model
from .spec import Spec
from .termination import Report, check_timeout
from .xspec import SpecLike, XSpec, as_xspec, as_xspecs, to_spec

if TYPE_CHECKING:
    # Imported when the first gateway is started: they take as long as all the rest.
    from .bootstrap import Plan, Start
    from .transports.output import OnOutput

AT_EXIT = 1.0  # seconds gateways get to end by themselves when this interpreter exits


class RemoteModel(NamedTuple):
    """The execution model of other ends: a name, since this end may not have it."""

    backend: str


class StartErrors(GatewayError):
    """Some of the gateways of one ``makegateways`` did not start.

    Attributes:
        errors: list of (spec text, error), in the order of the specs.
        started: the gateways that did start and were kept; empty unless that was asked.
    """

    def __init__(self, errors: list[tuple[str, GatewayError]], started: list[Gateway]) -> None:
        lines = "\n".join(str(error) for _, error in errors)
        kept = len(started)
        total = f"{len(errors)} of the gateways did not start" + (f", {kept} did" if kept else "")
        super().__init__(f"{total}:\n{lines}")
        self.errors, self.started = errors, started


class Group:
    """Gateways that are made, addressed and ended together.

    Args:
        xspecs: specs of gateways to make at once.
        execmodel: how this end waits, and the default for the other ends: "thread",
            "main_thread_only", "gevent" or "eventlet".

    As a context manager it terminates its gateways at the end; otherwise they are ended
    when this interpreter exits. A gateway that is lost stays a member, and is reported, until
    it is terminated or exited or another one is given its id.
    """

    defaultspec: str = "popen"

    def __init__(self, xspecs: Iterable[SpecLike] = (), execmodel: str = "thread") -> None:
        self._lock = threading.Lock()
        self._gateways: list[Gateway] = []
        self._ending: list[Gateway] = []  # exited, and not yet buried
        self._starting: set[str] = set()  # ids that will be members'
        self._numbers = itertools.count()
        self.set_execmodel(execmodel)
        _groups.add(self)
        specs = as_xspecs(xspecs)
        if specs:
            self.makegateways(specs)

    def __repr__(self) -> str:
        return f"<Group {[gateway.id for gateway in self]!r}>"

    def __len__(self) -> int:
        return len(self._gateways)

    def __iter__(self) -> Iterator[Gateway]:
        return iter(list(self._gateways))

    def __getitem__(self, key: int | str | Gateway) -> Gateway:
        if isinstance(key, int):
            return self._gateways[key]
        for gateway in self:
            if gateway is key or gateway.id == key:
                return gateway
        known = ", ".join(gateway.id for gateway in self) or "none"
        raise KeyError(f"no gateway {key!r} in this group, which has {known}")

    def __contains__(self, key: object) -> bool:
        return any(gateway is key or gateway.id == key for gateway in self)

    def __enter__(self) -> Group:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.terminate(AT_EXIT)

    # ---- execution models ----------------------------------------------------------------

    @property
    def execmodel(self) -> ExecModel:
        return self._execmodel

    @property
    def remote_execmodel(self) -> RemoteModel:
        return self._remote_execmodel

    def set_execmodel(self, execmodel: str, remote_execmodel: str | None = None) -> None:
        """Choose how this end waits and how the other ends run tasks by default.

        Raises ValueError for an unknown name, or once the group has gateways;
        ImportError where gevent or eventlet is asked for and not installed.
        """
        if self._gateways:
            raise ValueError("the execution model can't change once the group has gateways")
        self._execmodel = get_model(execmodel)
        remote = execmodel if remote_execmodel is None else remote_execmodel
        if remote not in NAMES:
            raise ValueError(f"unknown execmodel {remote!r}: use one of {', '.join(NAMES)}")
        self._remote_execmodel = RemoteModel(remote)

    # ---- starting ------------------------------------------------------------------------

    def allocate_id(self, spec: XSpec) -> None:
        """Give an XSpec the next free id of this group (``gw0``, ``gw1``, ...) if it has none."""
        if spec.id is None:
            with self._lock:
                spec.id = self._next_id()

    def _next_id(self) -> str:
        for number in self._numbers:
            name = f"gw{number}"
            if name not in self._starting and name not in self:
                return name
        raise AssertionError("a count that ends")

    def makegateway(
        self,
        spec: SpecLike | None = None,
        timeout: float | None = None,
        on_output: OnOutput | None = None,
    ) -> Gateway:
        """Start an interpreter and return the gateway to it.

        Args:
            spec: what to start, text, Spec or XSpec; the group's ``defaultspec`` if it is
                empty. An XSpec is given its ``id``, and is the gateway's ``spec``.
            timeout: seconds for the start; None: the spec's ``start_timeout``.
            on_output: called with (gateway id, "stdout" or "stderr", line) for each line
                it prints, in a thread of the library's; instead of the spec's ``stdio``.

        Raises SpecError for a wrong spec, StartError if it does not start.
        """
        chosen = as_xspec(spec or self.defaultspec)
        try:
            return self.makegateways([chosen], timeout, on_output=on_output)[0]
        except StartErrors as errors:
            raise errors.errors[0][1] from None

    def makegateways(
        self,
        specs: SpecLike | Iterable[SpecLike],
        timeout: float | None = None,
        keep_started: bool = False,
        on_output: OnOutput | None = None,
    ) -> list[Gateway]:
        """Start many interpreters at once; return their gateways in the order of the specs.

        Args:
            specs: texts, Specs or XSpecs; ``2*popen`` stands for two of them.
            timeout: seconds for the whole call; None: each spec's ``start_timeout``.
            keep_started: if some fail, keep the others in the group instead of ending
                them; they are in the error's ``started``.

        Raises StartErrors, with one error for each spec that failed. After any other error,
        a KeyboardInterrupt say, nothing of them is left.
        """
        check_timeout(timeout)
        begun = None if timeout is None else time.monotonic()
        asked = as_xspecs(specs)
        named = self._with_ids(asked)
        made: dict[str, Gateway | GatewayError] = {}
        try:
            waves = in_waves(named, {gateway.id for gateway in self})
            for wave in waves:
                try:
                    self._start(wave, made, timeout, begun, on_output)
                except BaseException:
                    self.end([g for g in made.values() if isinstance(g, Gateway)], 0.0)
                    raise
        finally:
            with self._lock:
                self._starting.difference_update(spec.id for spec in named if spec.id)
        results = [(str(spec), made[str(spec.id)]) for spec in named]
        gateways = [gateway for _, gateway in results if isinstance(gateway, Gateway)]
        errors = [(text, error) for text, error in results if isinstance(error, GatewayError)]
        for xspec, (_, outcome) in zip(asked, results):
            if isinstance(outcome, Gateway):
                outcome.spec = xspec
        if not errors:
            return gateways
        if not keep_started:
            self.end(gateways, AT_EXIT)
            gateways = []
        raise StartErrors(errors, gateways)

    def _start(
        self,
        specs: Sequence[Spec],
        made: dict[str, Gateway | GatewayError],
        timeout: float | None,
        begun: float | None,
        on_output: OnOutput | None,
    ) -> None:
        """Start those together whose ``via`` is there; put what comes of each into ``made``."""
        from .bootstrap import Start
        from .launch import start_all

        plans = []
        for spec in specs:
            needs = spec.needs
            via = None if needs is None else made.get(needs) or self[needs]
            if isinstance(via, GatewayError):
                made[str(spec.id)] = StartError(f"{spec.shown}: {needs} did not start", str(spec))
            else:
                plan = self._plan(spec, timeout, on_output, via)
                plans.append(plan._replace(begun=begun))
        with start_all(plans) as results:
            adopted: list[Gateway] = []
            try:
                for plan, result in zip(plans, results):
                    outcome = (
                        self._adopt(result, adopted, plan.via)
                        if isinstance(result, Start)
                        else result
                    )
                    made[str(plan.spec.id)] = outcome
                if any(spec.imports for spec in specs):
                    from .imports import forward

                    self.end(forward(results, made), 0.0)
            except BaseException:
                self.end(adopted, 0.0)  # before their processes are, which they watch
                raise

    def _plan(
        self, spec: Spec, timeout: float | None, on_output: OnOutput | None, via: Gateway | None
    ) -> Plan:
        from .bootstrap import Plan
        from .transports.output import Output

        output = Output(spec.id or "", spec.stdio, on_output)
        model = self._remote_execmodel.backend
        if timeout is None:
            return Plan(spec, output, spec.start_timeout, model, via=via)
        return Plan(spec, output, timeout, model, "timeout", via)

    def _adopt(
        self, start: Start, adopted: list[Gateway], via: Gateway | None
    ) -> Gateway | GatewayError:
        """Make the gateway of a start a member, in ``adopted`` too; or return why it can't be."""
        from .bootstrap import cannot_start

        gateway = Gateway(start, self._execmodel, self, via)
        adopted.append(gateway)
        try:
            gateway.begin()
        except OSError as error:
            adopted.remove(gateway)
            gateway.bury(0.0)
            return cannot_start(gateway.settings, error)
        for lost in [member for member in self if member.id == gateway.id]:
            self.exited(lost)  # what is lost makes room for whoever takes its place
        with self._lock:
            self._gateways.append(gateway)
        return gateway

    def _with_ids(self, asked: Sequence[XSpec]) -> list[Spec]:
        """Return what XSpecs say, and give an id to those that have none; all are reserved."""
        specs = [to_spec(xspec) for xspec in asked]
        with self._lock:
            wanted = [spec.id for spec in specs if spec.id is not None]
            known = self._starting.union(g.id for g in self._gateways if g.state is not ENDED)
            taken = [i for i in wanted if i in known or wanted.count(i) > 1]
            if taken:
                raise SpecError(f"id={taken[0]}: this group has a gateway of that id already")
            self._starting.update(wanted)
            named = []
            for xspec, spec in zip(asked, specs):
                xspec.id = spec.id or self._next_id()
                self._starting.add(xspec.id)
                xspec.execmodel = xspec.execmodel or self._remote_execmodel.backend
                named.append(spec.with_(id=xspec.id))
            return named

    # ---- all of them -----------------------------------------------------------------------

    def remote_exec(self, source: object, **kwargs: Any) -> MultiChannel:
        """Run ``source`` on every gateway; see ``Gateway.remote_exec``."""
        return MultiChannel([gateway.remote_exec(source, **kwargs) for gateway in self])

    def exited(self, gateway: Gateway) -> None:
        """A gateway was told to end: it is no member any more, but its end is still awaited."""
        with self._lock:
            if gateway in self._gateways:
                self._gateways.remove(gateway)
                if not gateway.is_buried:
                    self._ending.append(gateway)

    def buried(self, gateway: Gateway) -> None:
        """Nothing is left of a gateway; one that was lost stays a member, to be reported."""
        with self._lock:
            if gateway in self._ending:
                self._ending.remove(gateway)

    def end(self, gateways: Sequence[Gateway], timeout: float | None) -> Report:
        """End some of the gateways, and know them no more; see ``terminate``."""
        check_timeout(timeout)
        for gateway in gateways:
            self.exited(gateway)
        report = end_layers(gateways, timeout)
        with self._lock:
            # Not even SIGKILL has helped against these; if they end, they bury themselves.
            self._ending = [g for g in self._ending if g not in gateways]
        return report

    def terminate(self, timeout: float | None = None) -> Report:
        """End all gateways together; return how each of them ended.

        Each is asked to end and has ``timeout`` seconds for it, then SIGTERM ends it and
        0.3 s later SIGKILL; so this returns within ``timeout`` + 1 s. With None it waits
        as long as they take (about 1.5 s: a remote interrupts what it runs by itself).
        Afterwards the group is empty and may be used again. The report tells of all members,
        lost ones too, and of those that were exited and have not ended by themselves since.
        A Ctrl-C ends at once those that are left.
        """
        with self._lock:
            gateways = self._ending + self._gateways
        return self.end(gateways, timeout)

    def forget(self) -> None:
        """In the child of a fork: the gateways are the parent's."""
        for gateway in self._gateways + self._ending:
            gateway.forget()
        self._lock = threading.Lock()
        self._gateways, self._ending, self._starting = [], [], set()


_groups: weakref.WeakSet[Group] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """End the gateways of all groups together: the interpreter is exiting."""
    members = [gateway for group in _groups for gateway in group._ending + group._gateways]
    end_layers(members, AT_EXIT)


def _forget_all() -> None:
    for group in _groups:
        group.forget()


call_in_forks(_forget_all)

listen_as_told(os.environ)
default_group = Group()
makegateway = default_group.makegateway
set_execmodel = default_group.set_execmodel
