"""``python -m aide_de_camp_conformance URL``: what ``adc conformance run URL`` does."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; where the kit's own dependencies are missing, say how to get them."""
    try:
        from aide_de_camp_conformance.command import run  # noqa: PLC0415 (what is caught here)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("aide_de_camp"):
            raise
        sys.exit(f"the kit needs {error.name}: pip install 'aide-de-camp[conformance]'")
    run(prog_name="python -m aide_de_camp_conformance", help_option_names=["-h", "--help"])


if __name__ == "__main__":
    main()
