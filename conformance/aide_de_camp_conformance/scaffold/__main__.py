"""``python -m aide_de_camp_conformance.scaffold NAME``: what ``adc conformance new NAME`` does."""

from __future__ import annotations

from aide_de_camp_conformance.scaffold.command import new

if __name__ == "__main__":
    new(prog_name="python -m aide_de_camp_conformance.scaffold")
