"""URLs and options: what they mean, and what is refused by name (ERR-2)."""

from __future__ import annotations

import asyncio

import pytest

from aide_de_camp.spi import ConfigurationError, SchemaError, StorageUnavailable
from aide_de_camp_backends.redis.options import Kind, Options, Tls
from aide_de_camp_backends.redis.plugin import adc_storages, connect


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        ("redis://host", {"addresses": (("host", 6379),), "database": 0}),
        ("redis://host:1/2", {"addresses": (("host", 1),), "database": 2}),
        ("redis://[::1]:7/", {"addresses": (("::1", 7),)}),
        ("redis://u%40x:p%2Fw@h", {"username": "u@x", "password": "p/w"}),
        ("redis://:pw@h", {"username": None, "password": "pw"}),
        ("redis://h?prefix=a.b&pool_size=3", {"prefix": "a.b", "pool_size": 3}),
        ("redis://h?timeout=0.5&connect_timeout=2", {"timeout": 0.5, "connect_timeout": 2.0}),
        ("rediss://h", {"kind": Kind.SINGLE_TLS, "tls": Tls()}),
        ("rediss://h?tls_ca=/ca&tls_check_host=false", {"tls": Tls("/ca", check_host=False)}),
        (
            "redis+cluster://u:p@a:1,b",
            {"kind": Kind.CLUSTER, "addresses": (("a", 1), ("b", 6379)), "tls": None},
        ),
        ("redis+cluster://a?tls=true", {"tls": Tls()}),
        (
            "redis+sentinel://u:p@a,b:2/main/3?sentinel_password=s",
            {
                "kind": Kind.SENTINEL,
                "addresses": (("a", 26379), ("b", 2)),
                "service": "main",
                "database": 3,
                "sentinel_password": "s",
            },
        ),
        ("redis+sentinel://a/main", {"service": "main", "database": 0}),
    ],
)
def test_what_a_url_means(url, fields):
    options = Options.parse(url, {})
    assert {name: getattr(options, name) for name in fields} == fields


def test_options_win_over_the_query():
    assert Options.parse("redis://h?prefix=a", {"prefix": "b"}).prefix == "b"


@pytest.mark.parametrize(
    ("url", "argument"),
    [
        ("redis://", "url"),
        ("redis:///0", "url"),
        ("redis://a,b", "url"),
        ("redis://h:0", "url"),
        ("redis://h:99999", "url"),
        (f"redis://h:{'9' * 5_000}", "url"),
        ("redis://h:\u0663", "url"),
        (f"redis://h/{'9' * 5_000}", "url"),
        ("redis://h/one", "url"),
        ("redis://h/-1", "url"),
        ("redis+cluster://a,,b", "url"),
        ("redis+cluster://a/1", "url"),
        ("redis+sentinel://a", "url"),
        ("redis+sentinel://a/main/x", "url"),
        ("redis://h?color=blue", "options"),
        ("redis://h?tls_ca=x", "options"),
        ("redis+cluster://h?tls_ca=x", "tls_ca"),
        ("rediss://h?tls_cert=x", "tls_cert"),
        ("redis://h?prefix=", "prefix"),
        ("redis://h?prefix={x}", "prefix"),
        ("redis://h?prefix=a:b", "prefix"),  # its queue q would be the queue b:q of the prefix a
        ("redis://h?pool_size=0", "pool_size"),
        ("redis://h?pool_size=many", "pool_size"),
        ("redis://h?timeout=0", "timeout"),
        ("redis://h?timeout=nan", "timeout"),
        ("redis://h?connect_timeout=-1", "connect_timeout"),
        ("redis+cluster://h?tls=maybe", "tls"),
    ],
)
def test_what_is_refused(url, argument):
    with pytest.raises(ConfigurationError) as caught:
        connect(url, {})
    assert caught.value.argument == argument


def test_every_scheme_is_offered():
    assert {each.scheme for each in adc_storages()} == {kind.value for kind in Kind}


def test_prefixes_keep_queues_apart(bench):
    async def run() -> None:
        async with bench.opened(prefix="a") as one, bench.opened(prefix="a.b") as two:
            (job_id,) = await bench.put(one, bench.job())
            assert await two.get("q", [job_id]) == [None]
            assert (await bench.claim(two)).jobs == ()
            assert await two.queues() == []

    asyncio.run(run())


def test_queues_with_odd_names_keep_apart(bench):
    names = ["{q}", "q}", "q:job", "}", "{", "é\u202e", " ", "a\nb", "q}:job"]

    async def run() -> None:
        async with bench.opened() as storage:
            for name in names:
                await storage.enqueue(name, [bench.job()], now=bench.now)
            assert await storage.queues() == sorted(names)
            for name in names:
                assert len((await storage.claim(name, bench.request(), now=bench.now)).jobs) == 1

    asyncio.run(run())


def test_a_newer_layout_is_refused(bench, redis_server):
    database = int(bench.url.rpartition("/")[2])

    async def run() -> None:
        storage = connect(bench.url, {})()
        assert await storage.migrate() == (0, 1)
        assert await storage.migrate() == (1, 1)
        redis_server.call("SET", "{adc}:layout", "2", database=database)
        with pytest.raises(SchemaError, match="adc"):
            await storage.open()
        await storage.close()

    asyncio.run(run())


def test_nobody_there(bench_at, proxy_to):
    proxy = proxy_to(1)
    proxy.close()

    async def run() -> None:
        async with bench_at(f"redis://127.0.0.1:{proxy.port}").opened():
            raise AssertionError("nobody is there")

    with pytest.raises(StorageUnavailable, match=str(proxy.port)):
        asyncio.run(run())
