"""``python -m aide_de_camp`` is ``adc``."""

from __future__ import annotations

from aide_de_camp.cli import main

main(prog_name="adc")
