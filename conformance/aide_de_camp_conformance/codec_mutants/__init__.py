"""Codecs broken on purpose, by which the kit's part for codecs is itself tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aide_de_camp_conformance.codec_mutants import reading, telling, writing
from aide_de_camp_conformance.codec_mutants.broken import Broken, collect
from aide_de_camp_conformance.codec_mutants.null import NULLS

CODEC_MUTANTS: Final[Mapping[str, type[Broken]]] = collect((writing, reading, telling))
"""Every mutant by its name."""

__all__ = ["CODEC_MUTANTS", "NULLS", "Broken"]
