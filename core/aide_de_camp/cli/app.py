"""The command and its subcommands."""

from __future__ import annotations

import click

from aide_de_camp._version import __version__
from aide_de_camp.cli.announced import AnnouncedCommands
from aide_de_camp.cli.dead import dead
from aide_de_camp.cli.demo import demo
from aide_de_camp.cli.jobs import jobs
from aide_de_camp.cli.migrate import migrate
from aide_de_camp.cli.move import move
from aide_de_camp.cli.plugins import plugins
from aide_de_camp.cli.prune import prune
from aide_de_camp.cli.queues import queues
from aide_de_camp.cli.worker import worker


@click.group(cls=AnnouncedCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="adc", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of what goes wrong.")
def main(*, debug: bool) -> None:
    """Look at queues, run workers, and try Aide-De-Camp out.

    Commands end with 0 if all went well, 1 on an error (one line on stderr), 2 if they were
    called wrongly, and 130 if they were interrupted.
    """
    # Read by OneLineErrors, where there is something to show.
    click.get_current_context().meta["adc.debug"] = debug


for command in (demo, worker, jobs, dead, queues, prune, migrate, move, plugins):
    main.add_command(command)
