"""``python -m aide_de_camp_conformance.simulation --seed N``: runs seeds, or one once more."""

from __future__ import annotations

import sys

import click

from aide_de_camp_conformance.numbers import SEED
from aide_de_camp_conformance.simulation.running import simulate
from aide_de_camp_conformance.simulation.telling import tell


@click.command()
@click.option("--seed", type=SEED, default=0, show_default=True, help="The first seed.")
@click.option(
    "--count", type=click.IntRange(1), default=1, show_default=True, help="How many seeds."
)
@click.option("--trace", is_flag=True, help="Show all that happens, not only what is broken.")
@click.option("--digest", is_flag=True, help="Show a hash of all that happens.")
def main(seed: int, count: int, *, trace: bool, digest: bool) -> None:
    """Simulate runners, clients and a storage in trouble; one seed makes one run.

    Exit status: 0 where the contract held in all of them, else 1; 2 for a wrong call.
    """
    broken = 0
    for each in range(seed, seed + count):
        run = simulate(each)
        broken += run.broken is not None
        if trace or run.broken is not None or count == 1:
            click.echo(tell(run, whole=trace))
        if digest:
            click.echo(f"{each} {run.digest}")
    if count > 1:
        click.echo(f"{count} seeds, {broken} broken")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
