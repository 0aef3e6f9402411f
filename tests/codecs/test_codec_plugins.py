"""The codecs register themselves, as data only (P135), also where a library is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aide_de_camp.spi import SPI_VERSION, Codec, CodecDescriptor, incompatibility
from aide_de_camp_codecs.json import plugin as json_plugin
from aide_de_camp_codecs.msgpack import plugin as msgpack_plugin
from aide_de_camp_codecs.pydantic import plugin as pydantic_plugin

PLUGINS = {"json": json_plugin, "msgpack": msgpack_plugin, "pydantic": pydantic_plugin}


@pytest.mark.parametrize("name", PLUGINS)
def test_each_plugin_offers_its_codec(name: str) -> None:
    """P135: no codec runs code that the bytes choose."""
    descriptors = PLUGINS[name].adc_codecs()
    assert [descriptor.name for descriptor in descriptors] == [name]
    descriptor: CodecDescriptor = descriptors[0]
    assert descriptor.data_only
    assert incompatibility(descriptor.spi, SPI_VERSION) is None
    codec = descriptor.factory()
    assert isinstance(codec, Codec)
    assert codec.name == name


def test_the_pydantic_plugin_is_listed_without_pydantic() -> None:
    program = (
        "import sys; sys.modules['pydantic'] = None\n"
        "from aide_de_camp_codecs.pydantic.plugin import adc_codecs\n"
        "[descriptor] = adc_codecs()\n"
        "try: descriptor.factory()\n"
        "except ImportError: print(descriptor.extra)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "pydantic"
