"""What can't be asked is told as that, with its reason: never as what holds."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from contextlib import closing
from types import MappingProxyType

import attrs
import pytest

from aide_de_camp import Registry
from aide_de_camp.spi import SPI_VERSION, StorageDescriptor, hookimpl
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_backends.memory.world import World
from aide_de_camp_conformance import (
    REQUIREMENTS,
    Need,
    NotAsked,
    Outcome,
    Server,
    UrlHarness,
    run,
    run_requirement,
)
from aide_de_camp_conformance.backend import tell
from aide_de_camp_conformance.forming import form_of
from aide_de_camp_conformance.lane import names_hosts
from aide_de_camp_conformance.mutants import MUTANTS
from aide_de_camp_conformance.mutants.servers import ServedPlace
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.table import verdict

NEEDY = {each.id: each.needs for each in REQUIREMENTS.values() if each.needs is not None}
ABOUT_SERVERS = ("DUR-1.server", "LIV-2.restart")


class Memory(UrlHarness):
    template = "memory://{namespace}"


class Served(Memory):
    """Places that are each a server of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.place: ServedPlace = Counted()

    def opener(self, namespace):
        return self.place

    def server(self, namespace: str) -> Server:
        return self.place


class Counted(ServedPlace):
    def __init__(self) -> None:
        super().__init__()
        self.did: list[str] = []

    def kill(self) -> None:
        self.did.append("kill")
        super().kill()

    def start(self) -> None:
        self.did.append("start")
        super().start()


def needing(check, *, needs: Need | None = Need.SERVER):
    async def checked(kit) -> None:
        """It holds while the server ends."""
        await check(kit)

    return requirement("LIV-2.mine", level=2, needs=needs)(checked)


async def kills(kit) -> None:
    async with kit.server_killed():
        pass


def test_which_need_something():
    assert NEEDY == {
        "DUR-1.server": Need.SERVER,
        "ERR-1.unreachable": Need.CONNECTIONS,
        "LEA-1.hosts": Need.NETWORK,
        "LIV-2.dropped": Need.CONNECTIONS,
        "LIV-2.restart": Need.SERVER,
        "WAK-1.reconnects": Need.CONNECTIONS,
    }


def test_what_a_url_alone_leaves_unasked_has_a_reason_and_is_named_beside_the_level():
    with closing(Memory()) as harness:
        report = run(harness, only=sorted(NEEDY))
    told = {each.requirement.id: (each.outcome, each.message) for each in report.results}
    for each in ("DUR-1.server", "LEA-1.hosts"):
        assert told.pop(each) == (Outcome.NOT_DECLARED, None)
    assert {outcome for outcome, _ in told.values()} == {Outcome.NOT_ASKED}
    assert "has no server" in str(told["LIV-2.restart"][1])
    for each in ("ERR-1.unreachable", "LIV-2.dropped", "WAK-1.reconnects"):
        assert "names no one host with its port" in str(told[each][1])
    assert report.passed
    assert sorted(form_of(report).unasked) == sorted(told)


def test_the_verdict_names_it():
    with closing(Memory()) as harness:
        form = form_of(run(harness, only=["LIV-2.restart"]))
    assert verdict(form) == "no level: not everything was run"
    # As if that were all that there is.
    whole = attrs.evolve(form, complete=True, deselected=[], level=3)
    assert verdict(whole) == "reaches level 3 of kit 0.1; not asked: LIV-2.restart"


def test_a_file_that_processes_share_says_nothing_of_a_network():
    with closing(UrlHarness("sqlite:///{folder}/{namespace}.db")) as harness:
        result = run_requirement(REQUIREMENTS["LEA-1.hosts"], harness)
    assert result.outcome is Outcome.NOT_ASKED
    assert "names no host with its port" in str(result.message)


def test_several_hosts_are_a_network_too():
    for url in ("a://h:1", "a://u:p@h:1,[::1]:2/0", "a://10.0.0.1:1,h:2?x=y"):
        assert names_hosts(url), url
    for url in (None, "a:///tmp/x.db", "a://h/x", "a://h:1,i", "memory://name", "a://h:x"):
        assert not names_hosts(url), url


class Plugin:
    """A backend that is registered, and not installed; its URLs name a host."""

    def __init__(self) -> None:
        self.worlds = defaultdict[str, World](World)

    @hookimpl
    def adc_storages(self):
        def connect(url, options):
            world = self.worlds[url]
            return lambda: MemoryStorage(world)

        return [StorageDescriptor(scheme="mine", spi=SPI_VERSION, connect=connect)]


@pytest.mark.parametrize("id_", ["ERR-1.unreachable", "LIV-2.dropped", "WAK-1.reconnects"])
def test_a_backend_that_is_not_installed_is_not_blamed_for_it(id_):
    registry = Registry()
    registry.register(Plugin())
    with closing(UrlHarness("mine://localhost:1/{namespace}", registry=registry)) as harness:
        assert run_requirement(REQUIREMENTS["ENQ-1.durable"], harness).outcome is Outcome.PASSED
        result = run_requirement(REQUIREMENTS[id_], harness)
    assert result.outcome is Outcome.NOT_ASKED
    assert "no installed backend" in str(result.message)


def test_a_declared_deviation_that_can_not_be_asked_still_stands_in_the_way_of_its_level():
    class Deviating(Memory):
        deviations = MappingProxyType({"LIV-2.restart": "known, see 7"})

    with closing(Deviating()) as harness:
        (result,) = run(harness, only=["LIV-2.restart"]).results
    assert result.outcome is Outcome.DEVIATION
    assert str(result.message).startswith("known, see 7\nthe harness has no server")
    with pytest.raises(pytest.xfail.Exception, match="known, see 7"):
        tell(result)


@pytest.mark.parametrize("id_", ABOUT_SERVERS)
def test_a_server_that_comes_back_as_it_was_is_all_that_is_asked(id_):
    with closing(Served()) as harness:
        result = run_requirement(REQUIREMENTS[id_], harness)
    assert result.outcome is Outcome.PASSED, result.message


def test_pytest_is_told_why():
    with closing(Memory()) as harness:
        result = run_requirement(REQUIREMENTS["LIV-2.restart"], harness)
    with pytest.raises(pytest.skip.Exception, match="not asked: the harness has no server"):
        tell(result)


def test_only_what_says_so_beforehand_may_be_left_unasked():
    async def check(kit) -> None:
        raise NotAsked("I would rather not")

    with closing(Memory()) as harness:
        idle = run_requirement(needing(check, needs=None), harness)
        needy = run_requirement(needing(check, needs=Need.CONNECTIONS), harness)
    assert idle.outcome is Outcome.FAILED
    assert (needy.outcome, needy.message) == (Outcome.NOT_ASKED, "I would rather not")


def test_a_harness_that_breaks_is_an_error_and_says_nothing_of_the_backend(monkeypatch):
    with closing(Served()) as harness:
        for owner, name in ((harness.place, "kill"), (harness.place, "start"), (harness, "server")):
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, lambda *_: {}["server"])
                result = run_requirement(needing(kills), harness)
            assert (result.outcome, result.message) == (Outcome.ERROR, "KeyError: 'server'")


def test_the_server_is_started_again_whatever_happens():
    async def fails(kit) -> None:
        async with kit.server_killed():
            raise AssertionError("so it is")

    async def hangs(kit) -> None:
        async with kit.server_killed():
            await asyncio.Event().wait()

    with closing(Served()) as harness:
        for check, words in ((fails, "so it is"), (hangs, "it took more than 0.1 s")):
            result = run_requirement(needing(check), harness, time_limit=0.1)
            assert result.outcome is Outcome.FAILED
            assert words in str(result.message)
        assert harness.place.did == ["kill", "start"] * 2


def test_a_kill_that_takes_long_is_waited_for_before_the_server_is_started():
    class Slow(Counted):
        def kill(self) -> None:
            given_up.wait()
            super().kill()

    async def check(kit) -> None:
        asyncio.get_running_loop().call_later(0.2, given_up.set)
        await kills(kit)

    given_up = threading.Event()
    with closing(Served()) as harness:
        harness.place = place = Slow()
        result = run_requirement(needing(check), harness, time_limit=0.1)
    assert result.outcome is Outcome.FAILED
    assert place.did == ["kill", "start"]


def test_a_mutant_without_a_server_is_not_asked_about_one():
    harness = MUTANTS["IgnoresPriority"].harness()
    result = run_requirement(REQUIREMENTS["LIV-2.restart"], harness)
    assert result.outcome is Outcome.NOT_ASKED
