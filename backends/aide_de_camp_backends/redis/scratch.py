"""Places for a tester on the server that a URL names: keys of another prefix."""

from __future__ import annotations

from aide_de_camp_backends._sql.urls import with_option
from aide_de_camp_backends.redis.keys import QueueKeys, layout_key, registry_key
from aide_de_camp_backends.redis.options import Options


def url_of(url: str, name: str) -> str:
    """Give the URL of keys that begin with the name.

    Raises:
        ConfigurationError: the URL or an option can't be used.
    """
    Options.parse(url, {})
    return with_option(url, "prefix", name)


async def remove(url: str) -> None:
    """Delete such keys, by their names: no other key is looked at.

    Raises:
        AideDeCampError: it didn't work, or may not have.
    """
    # The driver takes a while to import, and listings of plugins don't need it.
    from aide_de_camp_backends.redis.link import Link  # noqa: PLC0415 (as above)
    from aide_de_camp_backends.redis.wire import read_text  # noqa: PLC0415 (as above)

    options = Options.parse(url, {})
    link = Link(options)
    try:
        names = registry_key(options.prefix)
        for name in await link.command(names, "SMEMBERS", names):
            keys = QueueKeys.of(options.prefix, read_text(name))
            await link.command(keys.tag, "DEL", *keys.all, writes=True)
        # Last, so that a repeat finds what a failure left.
        for key in (layout_key(options.prefix), names):
            await link.command(key, "DEL", key, writes=True)
    finally:
        await link.close()
