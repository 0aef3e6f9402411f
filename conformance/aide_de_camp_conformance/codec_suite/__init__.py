"""The requirements of codecs, a module per group of clauses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aide_de_camp_conformance.codec_suite import (
    apart,
    carrying,
    decoding,
    refusing,
    secrecy,
    sharing,
    versions,
)
from aide_de_camp_conformance.codec_suite.requirement import CodecRequirement
from aide_de_camp_conformance.requirement import collect

CODEC_REQUIREMENTS: Final[Mapping[str, CodecRequirement]] = collect(
    (carrying, refusing, decoding, versions, secrecy, sharing, apart), CodecRequirement
)
"""Every requirement of codecs by its id."""
