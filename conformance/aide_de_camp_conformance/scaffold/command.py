"""``adc conformance new``: begin a backend."""

from __future__ import annotations

from pathlib import Path

import click

from aide_de_camp.spi import ConfigurationError
from aide_de_camp_conformance.scaffold import create


@click.command()
@click.argument("name")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option("--scheme", help="The scheme of its URLs; made of NAME by default.")
def new(*, name: str, folder: Path, scheme: str | None) -> None:
    """Write a new backend's distribution, NAME, into FOLDER."""
    try:
        place = create(name, folder, scheme)
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"made {place}")
    click.echo(f"next: cd {place}; pip install -e '.[test]'; pytest -x")
