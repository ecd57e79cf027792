"""Programs written for execnet 2.1: each row of its public surface, here and there.

Most tests run twice, with execnet itself and with gatewaylib under its name, and expect the
same of both. Where ours is meant to differ stands in doc/howto/coming_from_execnet.rst.
"""

import importlib
import io
import mmap
import os
import sys
import threading

import execnet
import interpreters
import pytest
from machine import GREEN, import_quietly

import gatewaylib

WAIT = 60.0  # seconds: a hang, and nothing else
ECHO = "for item in channel: channel.send(item)"
# execnet leaves its pipes to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module", params=[execnet, gatewaylib], ids=["execnet", "gatewaylib"])
def net(request):
    """The library under test, by the one name that programs know."""
    return request.param


@pytest.fixture
def group(net):
    group = net.Group()
    yield group
    group.terminate(5.0)


@pytest.fixture(scope="module")
def gw(net):
    """A gateway that tests share which do not end it."""
    group = net.Group()
    yield group.makegateway("popen//id=shared")
    group.terminate(5.0)


# ---- 1. top level --------------------------------------------------------------------------


def test_every_public_name_of_execnet_is_there():
    assert [name for name in execnet.__all__ if not hasattr(gatewaylib, name)] == []
    assert set(execnet.__all__) <= set(gatewaylib.__all__)


@pytest.mark.parametrize(
    "name",
    "gateway gateway_base gateway_bootstrap gateway_io gateway_socket multi rsync xspec".split(),
)
def test_every_module_that_programs_import_is_there_without_an_import_of_its_own(net, name):
    if name != "gateway_socket":  # execnet imports that one later
        assert getattr(net, name).__name__ == f"{net.__name__}.{name}"
    assert importlib.import_module(f"{net.__name__}.{name}") is getattr(net, name)


@pytest.mark.parametrize(
    "module, names",
    [
        ("gateway", "Gateway RInfo RemoteStatus"),
        (
            "gateway_base",
            "Channel ChannelFile ChannelFileRead ChannelFileWrite BaseGateway ExecModel"
            " get_execmodel RemoteError TimeoutError DataFormatError DumpError LoadError"
            " dump dumps load loads sysex trace INTERRUPT_TEXT MAIN_THREAD_ONLY_DEADLOCK_TEXT",
        ),
        ("gateway_bootstrap", "HostNotFound"),
        ("gateway_io", "popen_args popen_bootstrapline shell_split_path ssh_args vagrant_ssh_args"),
        ("gateway_socket", "SocketIO"),
        ("multi", "Group MultiChannel default_group makegateway set_execmodel"),
        ("rsync", "RSync"),
        ("xspec", "XSpec"),
    ],
)
def test_what_programs_import_from_modules_is_there_and_is_the_same(net, module, names):
    there = importlib.import_module(f"{net.__name__}.{module}")
    for name in names.split():
        value = getattr(there, name)
        assert getattr(net, name, value) is value


@pytest.mark.parametrize(
    "script", ["loop_socketserver", "quitserver", "shell", "socketserver", "socketserverservice"]
)
def test_every_script_is_there(script):
    assert importlib.util.find_spec(f"gatewaylib.script.{script}") is not None


def test_makegateway_and_set_execmodel_are_those_of_the_default_group(net):
    assert net.makegateway == net.default_group.makegateway
    assert net.set_execmodel == net.default_group.set_execmodel
    assert isinstance(net.default_group, net.Group)


def test_the_errors_are_of_the_same_classes(net):
    assert issubclass(net.DumpError, net.DataFormatError)
    assert issubclass(net.LoadError, net.DataFormatError)
    assert issubclass(net.TimeoutError, IOError)
    assert net.TimeoutError is not TimeoutError
    assert issubclass(net.HostNotFound, Exception)
    assert net.Channel.RemoteError is net.RemoteError
    assert net.Channel.TimeoutError is net.TimeoutError


def test_a_remote_error_is_its_text_and_warns_of_itself_but_not_of_an_interrupt(net, capsys):
    error = net.RemoteError("Traceback: boom")

    assert (str(error), error.formatted) == ("Traceback: boom", "Traceback: boom")
    assert repr(error) == "RemoteError: Traceback: boom"
    net.RemoteError(net.gateway_base.INTERRUPT_TEXT).warn()
    assert capsys.readouterr().err == ""
    error.warn()
    assert "unhandled RemoteError: Traceback: boom" in capsys.readouterr().err


# ---- 2. XSpec ------------------------------------------------------------------------------


def test_an_xspec_is_its_keys_and_its_text(net):
    text = "ssh=user@host//python=python3//env:A=b=c//dont_write_bytecode//color=blue"
    spec = net.XSpec(text)

    assert (spec.ssh, spec.python, spec.color) == ("user@host", "python3", "blue")
    assert (spec.dont_write_bytecode, spec.env) == (True, {"A": "b=c"})
    assert (spec.popen, spec.chdir, spec.anything) == (None, None, None)
    assert (str(spec), spec._spec) == (text, text)
    assert repr(net.XSpec("ssh=user@host//nice=5")) == "<XSpec 'ssh=user@host//nice=5'>"
    assert spec == net.XSpec(text) and hash(spec) == hash(net.XSpec(text))
    assert spec != net.XSpec("popen")


def test_an_xspec_refuses_what_execnet_refuses_by_the_same_classes(net):
    with pytest.raises(ValueError):
        net.XSpec("popen//id=a//id=b")
    with pytest.raises(AttributeError):
        net.XSpec("popen//_private=1")
    with pytest.raises(AttributeError):
        net.XSpec("popen")._private


def test_an_xspec_may_be_changed_and_its_text_stays(net):
    spec = net.XSpec("popen")
    spec.chdir, spec.id = "there", "w1"

    assert (spec.chdir, spec.id, str(spec)) == ("there", "w1", "popen")
    assert net.XSpec("popen")._samefilesystem() and not spec._samefilesystem()


def test_an_xspec_is_given_its_id_and_is_the_gateways_spec(group, net, tmp_path):
    spec = net.XSpec("popen//env:FOR_TEST=yes")
    group.allocate_id(spec)
    spec.chdir = str(tmp_path)
    assert spec.id == "gw0"

    gateway = group.makegateway(spec)

    assert gateway.spec is spec and gateway.id == "gw0"
    assert spec.execmodel == "thread"
    assert gateway._rinfo().cwd == str(tmp_path)
    channel = gateway.remote_exec("import os; channel.send(os.environ['FOR_TEST'])")
    assert channel.receive(WAIT) == "yes"


def test_a_text_becomes_an_xspec_that_says_it(group, net):
    gateway = group.makegateway("popen//nice=1")

    assert isinstance(gateway.spec, net.XSpec)
    spec = gateway.spec
    assert (str(spec), spec.popen, spec.nice) == ("popen//nice=1", True, "1")
    assert (spec.ssh, spec.id) == (None, "gw0")


def test_a_spec_of_no_kind_is_a_value_error(group):
    with pytest.raises(ValueError):
        group.makegateway("python=python3")


# ---- 3. Group ------------------------------------------------------------------------------


def test_a_group_is_a_container_of_gateways(group):
    one, other = group.makegateway("popen//id=a"), group.makegateway("popen")

    assert len(group) == 2 and list(group) == [one, other]
    assert group[0] is one and group["a"] is one and group[other] is other
    assert "a" in group and one in group and "b" not in group
    assert repr(group) == "<Group ['a', 'gw0']>"
    with pytest.raises(KeyError):
        group["b"]
    with pytest.raises(IndexError):
        group[2]


def test_a_group_is_made_of_specs_and_is_empty_once_terminated(net):
    group = net.Group([net.XSpec("popen//id=a"), "popen//id=b"])
    assert [gateway.id for gateway in group] == ["a", "b"]

    group.terminate(timeout=WAIT)

    assert len(group) == 0
    group.terminate()


def test_the_default_spec_is_popen_and_can_be_set(group, net):
    assert net.Group.defaultspec == "popen"
    group.defaultspec = "popen//id=mine"
    assert group.makegateway().id == "mine"


def test_ids_are_counted_in_each_group(group, net):
    specs = [net.XSpec("popen") for _ in range(3)]
    for spec in specs:
        group.allocate_id(spec)
        group.allocate_id(spec)
    assert [spec.id for spec in specs] == ["gw0", "gw1", "gw2"]


def test_execution_models_are_set_before_there_are_gateways(group, net):
    assert (group.execmodel.backend, group.remote_execmodel.backend) == ("thread", "thread")
    group.set_execmodel("thread", "main_thread_only")
    assert group.remote_execmodel.backend == "main_thread_only"
    with pytest.raises(ValueError):
        group.set_execmodel("unknown")
    assert group.makegateway().remote_status().execmodel == "main_thread_only"
    with pytest.raises(ValueError):
        group.set_execmodel("thread")
    with pytest.raises(ValueError):
        net.Group(execmodel="unknown")


def test_a_gateway_that_is_exited_is_no_member_and_may_be_exited_again(group):
    gateway, other = group.makegateway(), group.makegateway()
    gateway.exit()
    gateway.exit()

    assert gateway not in group and list(group) == [other]
    gateway.join(WAIT)
    assert not gateway.hasreceiver()
    with pytest.raises(OSError):
        gateway.remote_exec("")


# ---- 4. Gateway ----------------------------------------------------------------------------


def sums(channel, numbers, start=0):
    channel.send(sum(numbers, start))


def test_a_gateway_runs_text_functions_and_modules(gw, tmp_path, monkeypatch):
    assert gw.remote_exec("channel.send(__name__)").receive(WAIT) == "__channelexec__"
    assert gw.remote_exec(sums, numbers=[1, 2], start=3).receive(WAIT) == 6
    (tmp_path / "a_task.py").write_text("channel.send(42)")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setitem(sys.modules, "a_task", module := type(sys)("a_task"))
    module.__file__ = str(tmp_path / "a_task.py")
    assert gw.remote_exec(module).receive(WAIT) == 42


def test_what_can_not_be_sent_is_refused(gw):
    outside = 5

    def closure(channel):
        channel.send(outside)

    def other_name(chan):
        pass

    def uses_global(channel):
        channel.send(WAIT)

    for source in (closure, other_name, uses_global):
        with pytest.raises(ValueError):
            gw.remote_exec(source)
    with pytest.raises(TypeError):
        gw.remote_exec("pass", x=1)


def test_a_gateway_tells_its_status_while_it_works(gw):
    channel = gw.remote_exec("channel.send('runs'); channel.receive()")
    assert channel.receive(WAIT) == "runs"
    status = gw.remote_status()

    assert status.numexecuting >= 1 and status.numchannels >= 1
    assert status.execmodel == "thread"
    channel.send(None)
    channel.waitclose(WAIT)


def test_a_gateway_knows_of_the_interpreter_and_keeps_it(gw, net):
    info = gw._rinfo()

    assert info.executable == sys.executable and info.platform == sys.platform
    assert info.version_info == tuple(sys.version_info)
    assert info.cwd == os.getcwd() and info.pid != os.getpid()
    assert gw._rinfo() is info and gw._rinfo(update=True).pid == info.pid
    assert issubclass(net.gateway.RemoteStatus, net.gateway.RInfo)


def test_a_gateway_has_what_programs_look_at(gw):
    assert gw.id == "shared" and gw in gw._group
    assert gw.hasreceiver() and gw.execmodel.backend == "thread"
    assert not hasattr(gw, "remoteaddress")
    assert repr(gw).startswith("<Gateway id='shared' ")
    channel = gw.newchannel()
    assert channel in gw._channelfactory.channels()
    channel.close()
    assert channel not in gw._channelfactory.channels()


def test_init_threads_does_nothing_and_says_so():
    with gatewaylib.Group(["popen"]) as group, pytest.warns(DeprecationWarning, match="nothing"):
        group[0].remote_init_threads(3)


# ---- 5. Channel ----------------------------------------------------------------------------


def test_ids_are_odd_here_and_even_there(gw):
    channel = gw.remote_exec("channel.send(channel.gateway.newchannel().id)")
    assert channel.id % 2 == 1
    assert channel.receive(WAIT) % 2 == 0
    assert gw.newchannel().id > channel.id


def test_receiving_ends_in_eof_and_tells_a_remote_error_once(gw, net):
    channel = gw.remote_exec("channel.send(1); raise ValueError('boom')")

    assert channel.receive(WAIT) == 1
    with pytest.raises(net.RemoteError, match="ValueError: boom"):
        channel.receive(WAIT)
    for _ in range(2):
        with pytest.raises(EOFError):
            channel.receive(WAIT)
    assert channel.isclosed()
    with pytest.raises(OSError):
        channel.send(1)


def test_waiting_has_a_timeout_and_a_channel_is_iterable(gw, net):
    channel = gw.remote_exec("channel.receive(); channel.send(1); channel.send(2)")

    for wait in (channel.receive, channel.waitclose):
        with pytest.raises(net.TimeoutError):
            wait(timeout=0.01)
    with pytest.raises(channel.TimeoutError):
        channel.receive(0.01)
    assert not channel.isclosed()
    channel.send(None)
    channel.waitclose(WAIT)
    assert channel.next() == 1 and list(channel) == [2]


def test_callbacks_take_the_items_and_the_endmarker_once(gw):
    channel = gw.remote_exec("channel.send(1); channel.receive(); channel.send(2)")
    items, ended = [], threading.Event()

    def callback(item):
        items.append(item)
        if item is None:
            ended.set()

    channel.setcallback(callback, endmarker=None)
    with pytest.raises(OSError):
        channel.setcallback(callback)
    with pytest.raises(OSError):
        channel.receive()
    channel.send(None)

    assert ended.wait(WAIT)
    assert items == [1, 2, None]


def test_closing_is_idempotent_and_carries_a_text(gw, net):
    channel = gw.remote_exec(
        """
        inner = channel.receive()
        try:
            inner.receive()
        except inner.RemoteError as error:
            channel.send(str(error))
        try:
            channel.close()
        except OSError:
            channel.send("refused")
        """
    )
    inner = gw.newchannel()
    channel.send(inner)
    inner.close("because")
    inner.close()

    assert channel.receive(WAIT) == "because"
    assert channel.receive(WAIT) == "refused"
    assert repr(inner).startswith(f"<Channel id={inner.id} ")


def test_files_on_channels_write_and_read(gw):
    channel = gw.remote_exec(
        "file = channel.makefile('w')\nfile.write('one\\ntwo')\nfile.flush()\nfile.close()"
    )
    file = channel.makefile("r")
    assert (file.readline(), file.read(2), file.read(9), file.read(1)) == ("one\n", "tw", "o", "")
    assert not file.isatty()
    with pytest.raises(ValueError):
        channel.makefile("x")
    other = gw.newchannel()
    other.makefile("w", proxyclose=True).close()
    assert other.isclosed()


def test_the_remote_error_can_be_asked_for_at_the_end(gw):
    channel = gw.remote_exec("raise ValueError('asked')")
    ended = threading.Event()
    channel.setcallback(lambda item: ended.set(), endmarker=None)
    assert ended.wait(WAIT)

    assert "ValueError: asked" in str(channel._getremoteerror())
    assert channel._getremoteerror() is None


def test_a_task_that_receives_to_the_end_has_no_error(gw):
    channel = gw.remote_exec("inner = channel.receive(); inner.receive()")
    inner = gw.newchannel()
    channel.send(inner)
    inner.close()
    channel.waitclose(WAIT)


def test_system_exit_in_a_task_is_a_remote_error(gw, net):
    with pytest.raises(net.RemoteError, match="SystemExit"):
        gw.remote_exec("raise SystemExit(3)").waitclose(WAIT)


def test_a_dead_gateway_is_an_eof_to_receivers_and_an_os_error_to_senders(group):
    gateway = group.makegateway()
    channel = gateway.remote_exec("import os; channel.receive(); os._exit(3)")
    channel.send(None)

    with pytest.raises(EOFError):
        channel.receive(WAIT)
    with pytest.raises(EOFError):
        channel.waitclose(WAIT)
    gateway.join(WAIT)
    with pytest.raises(OSError):
        channel.send(1)
    assert isinstance(channel._getremoteerror(), EOFError)


# ---- 6. MultiChannel -----------------------------------------------------------------------


def test_many_channels_are_used_together(group, net):
    group.makegateway()
    group.makegateway()
    channels = group.remote_exec(ECHO)

    assert isinstance(channels, net.MultiChannel)
    assert len(channels) == 2 and list(channels) == [channels[0], channels[1]]
    assert channels[0] in channels
    channels.send_each(5)
    assert channels.receive_each() == [5, 5]
    channels.send_each(6)
    assert channels.receive_each(withchannel=True) == [(channels[0], 6), (channels[1], 6)]
    queue = channels.make_receive_queue(endmarker="end")
    assert channels.make_receive_queue() is queue
    channels[1].send(7)
    assert queue.get(timeout=WAIT) == (channels[1], 7)
    for channel in channels:
        channel.close()
    assert {queue.get(timeout=WAIT)[1] for _ in range(2)} == {"end"}


def test_waiting_for_many_raises_the_first_remote_error(gw, net):
    channels = net.MultiChannel([gw.remote_exec(""), gw.remote_exec("1 / 0")])
    with pytest.raises(net.RemoteError, match="ZeroDivisionError"):
        channels.waitclose()


def test_what_only_looks_like_a_channel_can_be_one_of_many(net):
    class Looks:
        def receive(self, timeout=None):
            return 12

        def waitclose(self, timeout=None):
            self.waited = True

    looks = [Looks(), Looks()]
    channels = net.MultiChannel(looks)
    assert channels.receive_each() == [12, 12]
    channels.waitclose()
    assert all(one.waited for one in looks)


# ---- 7. RSync ------------------------------------------------------------------------------


def test_rsync_copies_a_directory_and_tells_of_it(group, net, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "one").write_text("1")
    (source / "left-out").write_text("2")
    told, finished = [], []

    class Mine(net.RSync):
        def filter(self, path):
            return not str(path).endswith("left-out")

    rsync = Mine(str(source), callback=lambda *args: told.append(args[:2]), verbose=False)
    rsync.add_target(group.makegateway(), str(target), finishedcallback=lambda: finished.append(1))
    rsync.send()

    assert (target / "one").read_text() == "1" and not (target / "left-out").exists()
    assert finished == [1]
    assert ("ack", 1) in told and any(cmd == "list" for cmd, _ in told)
    assert rsync._sourcedir == str(source) and not rsync._verbose
    with pytest.raises(OSError):
        net.RSync(str(source)).send()
    net.RSync(str(source)).send(raises=False)


# ---- 8. serializer -------------------------------------------------------------------------

VALUES = [
    None,
    True,
    False,
    0,
    -5,
    2**40,
    -(2**31),
    1.5,
    2j,
    b"bytes",
    "text \u20ac",
    [1, [2]],
    (1, ()),
    {"a": {1: 2}},
    {1, 2},
    frozenset([3]),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_survive_dumps_and_a_gateway(gw, net, value):
    again = net.loads(net.dumps(value))
    assert again == value and type(again) is type(value)
    channel = gw.remote_exec(ECHO)
    channel.send(value)
    assert channel.receive(WAIT) == value
    channel.close()


def test_one_object_at_a_time_is_read_of_a_file(net, tmp_path):
    file = io.BytesIO()
    net.dump(file, [1])
    net.dump(file, "two")
    file.seek(0)
    assert (net.load(file), net.load(file)) == ([1], "two")
    path = tmp_path / "dump"
    path.write_bytes(net.dumps({"a": 1}))
    with open(path, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        assert net.load(data) == {"a": 1}


def test_string_options_have_the_same_names_and_defaults(net):
    import inspect

    for function in (net.loads, net.load):
        parameters = inspect.signature(function).parameters
        assert parameters["py2str_as_py3str"].default is False
        assert parameters["py3str_as_py2str"].default is False
    for thing in (net.Channel, net.Gateway):
        parameters = inspect.signature(thing.reconfigure).parameters
        assert parameters["py2str_as_py3str"].default is True
        assert parameters["py3str_as_py2str"].default is False


def test_other_values_and_other_bytes_are_refused(gw, net):
    class Own:
        pass

    for value in (Own(), [Own()], object, bytearray):
        with pytest.raises(net.DumpError):
            net.dumps(value)
    with pytest.raises(net.DumpError):
        gw.newchannel().send(Own())
    with pytest.raises(net.LoadError):
        net.loads(b"\x09nonsense")


def test_channels_travel_inside_of_items(gw):
    channel = gw.remote_exec("inner = channel.receive()['inner'][0]; inner.send('through')")
    inner = gw.newchannel()
    channel.send({"inner": [inner]})
    assert inner.receive(WAIT) == "through"


# ---- 10. execution models ------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["thread", "main_thread_only", *GREEN])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_execution_model_has_what_programs_use_of_it(net, backend):
    if backend in ("gevent", "eventlet"):
        import_quietly("gevent.socket" if backend == "gevent" else backend)
    model = net.gateway_base.get_execmodel(backend)

    assert model.backend == backend and repr(model) == f"<ExecModel {backend!r}>"
    assert net.gateway_base.get_execmodel(model) is model
    assert isinstance(model, net.gateway_base.ExecModel)
    assert model.queue.Queue and model.subprocess.Popen and model.socket.socket
    assert isinstance(model.get_ident(), int)
    lock = model.RLock()
    with lock, lock:
        pass
    with model.Lock():
        pass
    event = model.Event()
    model.start(lambda value: event.set(), (1,))
    assert event.wait(WAIT)
    model.sleep(0)


def test_an_unknown_execution_model_is_a_value_error(net):
    with pytest.raises(ValueError):
        net.gateway_base.get_execmodel("unknown")


def test_a_model_opens_descriptors_as_files(net):
    read_end, write_end = os.pipe()
    model = net.gateway_base.get_execmodel("thread")
    with model.fdopen(write_end, "w") as out, model.fdopen(read_end, "r", 1) as back:
        out.write("line \u20ac\n")
        out.flush()
        assert back.readline() == "line \u20ac\n"


def test_a_task_uses_the_model_of_its_gateway(gw):
    channel = gw.remote_exec(
        "model = channel.gateway.execmodel\n"
        "with model.RLock(): channel.send(model.backend)\n"
        "channel.send(model.Event().is_set())\n"
    )
    assert (channel.receive(WAIT), channel.receive(WAIT)) == ("thread", False)


@pytest.mark.slow
def test_a_second_task_where_there_is_one_thread_is_refused_in_the_same_words(group):
    gateway = group.makegateway("popen//execmodel=main_thread_only")
    first = gateway.remote_exec("channel.receive()")
    second = gateway.remote_exec("pass")

    with pytest.raises(second.RemoteError) as refused:
        second.waitclose(WAIT)
    assert str(refused.value).startswith(
        "concurrent remote_exec would cause deadlock for main_thread_only execmodel"
    )
    first.send(None)
    first.waitclose(WAIT)


@pytest.mark.parametrize("interpreter", interpreters.find())
def test_any_interpreter_at_the_other_end_has_the_names_of_gateway_base(interpreter):
    with gatewaylib.Group([f"popen//python={interpreters.find()[interpreter]}"]) as group:
        channel = group[0].remote_exec(
            """
            import sys
            base = sys.modules[type(channel.gateway).__mro__[1].__module__]
            model = base.get_execmodel("thread")
            modules = [model.queue, model.subprocess, model.socket]
            channel.send([str(module.__name__) for module in modules])
            channel.send((base.loads(base.dumps([1])), isinstance(channel, base.Channel)))
            """
        )
        assert [name.lower() for name in channel.receive(WAIT)] == ["queue", "subprocess", "socket"]
        assert channel.receive(WAIT) == ([1], True)


# ---- a command of one's own ----------------------------------------------------------------


def test_a_function_put_in_the_place_of_ssh_args_is_what_starts_a_gateway(group, net, monkeypatch):
    asked = []

    def my_args(spec):
        asked.append((spec.ssh, spec.python))
        return [spec.python, "-u", "-c", net.gateway_io.popen_bootstrapline]

    monkeypatch.setattr(net.gateway_io, "ssh_args", my_args)
    gateway = group.makegateway(f"ssh=nowhere//python={sys.executable}")

    assert asked == [("nowhere", sys.executable)]
    assert gateway.remoteaddress == "nowhere"
    assert gateway.remote_exec("channel.send(1)").receive(WAIT) == 1


def test_ssh_args_are_ours_again_once_they_are_put_back(monkeypatch):
    door = gatewaylib.gateway_io
    before = door.ssh_args("ssh=host")
    monkeypatch.setattr(door, "ssh_args", lambda spec: ["mine"])
    monkeypatch.undo()

    assert door.COMMANDS["ssh"](gatewaylib.Spec("ssh", "host"), door.BOOT) == before
    assert before[0] == "ssh" and before[-1].count(sys.executable) == 0


# ---- where ours differs, on purpose --------------------------------------------------------


def test_a_key_nobody_knows_is_kept_in_an_xspec_and_refused_by_makegateway():
    spec = gatewaylib.XSpec("popen//color=blue")
    with gatewaylib.Group() as group, pytest.raises(gatewaylib.SpecError, match="'color'"):
        group.makegateway(spec)
    assert spec.color == "blue"


def test_an_interrupted_task_is_told_with_its_traceback_and_not_warned_of(capsys):
    with gatewaylib.Group(["popen"]) as group:
        with pytest.raises(gatewaylib.RemoteError) as raised:
            group[0].remote_exec("raise KeyboardInterrupt").waitclose(WAIT)
    assert raised.value.type_name == "KeyboardInterrupt"
    raised.value.warn()
    assert capsys.readouterr().err == ""


def test_an_eof_error_of_a_tasks_own_is_told():
    with gatewaylib.Group(["popen"]) as group:
        with pytest.raises(gatewaylib.RemoteError, match="EOFError"):
            group[0].remote_exec("raise EOFError").waitclose(WAIT)


def test_iterating_tells_of_a_gateway_that_was_lost():
    with gatewaylib.Group(["popen"]) as group:
        channel = group[0].remote_exec("import os; os._exit(3)")
        with pytest.raises(gatewaylib.GatewayLost) as raised:
            list(channel)
    assert raised.value.exit_status == 3


def test_variables_are_there_when_the_interpreter_starts():
    with gatewaylib.Group(["popen//env:PYTHONOPTIMIZE=1"]) as group:
        assert group[0].remote_exec("channel.send(__debug__)").receive(WAIT) is False


def test_a_callback_may_receive_on_its_own_gateway():
    with gatewaylib.Group(["popen"]) as group:
        got, done = [], threading.Event()

        def callback(item):
            got.append(group[0].remote_exec("channel.send(7)").receive(WAIT))
            done.set()

        group[0].remote_exec("channel.send(1)").setcallback(callback)
        assert done.wait(WAIT)
    assert got == [7]
