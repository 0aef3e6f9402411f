"""``adc conformance codec``: judge an installed codec by its name alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aide_de_camp_conformance.badge import codec_badge
from aide_de_camp_conformance.codec_form import CodecForm, codec_form, codec_text
from aide_de_camp_conformance.codec_harness import CodecHarness
from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS
from aide_de_camp_conformance.codec_suite.elsewhere import CodecProcess
from aide_de_camp_conformance.codec_suite.kinds import kinds_of
from aide_de_camp_conformance.codec_suite.records import RECORDS
from aide_de_camp_conformance.junit import codec_junit
from aide_de_camp_conformance.new_file import NEW_FILE
from aide_de_camp_conformance.outputs import output_options
from aide_de_camp_conformance.page import codec_page
from aide_de_camp_conformance.running import Outcome, Result
from aide_de_camp_conformance.table import COLOURS

_PIPE_WIDTH = 10_000


class Named(CodecHarness):
    """An installed codec, by what the command was given.

    Args:
        name: the codec's.
        refuses: the kinds that it refuses.
    """

    def __init__(self, name: str, refuses: Sequence[str]) -> None:
        self.name = name
        self.refuses = refuses

    def arguments(self) -> tuple[object, ...]:
        """See :meth:`CodecHarness.arguments`."""
        return (self.name, list(self.refuses))


@click.command()
@click.argument("name")
@click.option(
    "--refuses",
    metavar="KIND",
    multiple=True,
    help="A kind of payload that the codec refuses when it is bound, and may. Repeat it for more; "
    "without it, what it refuses is found out and told.",
)
@click.option("--only", metavar="ID", multiple=True, help="A requirement, or how some begin.")
@click.option("--json", "json_file", type=NEW_FILE, help="The whole report.")
@output_options
def codec(
    *,
    name: str,
    refuses: tuple[str, ...],
    only: tuple[str, ...],
    json_file: Path | None,
    **files: Path | None,
) -> None:
    """Judge the installed codec NAME by the kit's requirements for codecs.

    It ends with 0 if all that was run holds, 1 if not.
    """
    unknown = [
        each for each in only if not each or not any(known.startswith(each) for known in _IDS)
    ]
    if unknown:
        raise click.BadParameter(f"no requirement begins with {unknown[0]!r}", param_hint="--only")
    strange = sorted(set(refuses) - set(_KINDS))
    if strange:
        raise click.BadParameter(
            f"there is no kind {strange[0]!r}; there are: {', '.join(_KINDS)}",
            param_hint="--refuses",
        )
    with closing(CodecProcess(partial(Named, name, refuses))) as process:
        if not process.is_installed():
            raise click.UsageError(
                f"no codec {name!r} is installed here; `adc plugins` lists those that are"
            )
        if not refuses:
            refuses = process.refused(_KINDS)
            click.echo(f"refuses: {', '.join(refuses) or 'nothing'}")
    wanted = [each for each in CODEC_REQUIREMENTS.values() if each.id.startswith(only or "")]
    with closing(CodecProcess(partial(Named, name, refuses))) as process:
        results = tuple(process.results(wanted))
    _print(name, results)
    form = codec_form(name, refuses, results)
    if json_file is not None:
        json_file.write_text(codec_text(form), "utf-8")
    _write(form, **files)
    click.echo(f"{form.verdict}; kit {form.kit.version}")
    held = (Outcome.PASSED, Outcome.NOT_DECLARED)
    raise click.exceptions.Exit(0 if all(each.outcome in held for each in results) else 1)


def _print(name: str, results: tuple[Result, ...]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE_WIDTH)
    table = Table("requirement", "level", "outcome", title=Text(f"codec {name}"))
    for each in results:
        outcome = Text(each.outcome.value.replace("_", " "), style=COLOURS[each.outcome.value])
        table.add_row(each.requirement.id, str(each.requirement.level), outcome)
    console.print(table)
    for each in results:
        if each.message is not None:
            console.print(Text(f"{each.requirement.id}: {each.requirement.sentence}", style="bold"))
            console.print(Text("\n".join(f"    {line}" for line in each.message.split("\n"))))


def _write(
    form: CodecForm, *, junit_file: Path | None, html_file: Path | None, badge_file: Path | None
) -> None:
    if junit_file is not None:
        junit_file.write_text(codec_junit(form), "utf-8")
    if html_file is not None:
        html_file.write_text(codec_page(form), "utf-8")
    if badge_file is not None:
        badge_file.write_text(json.dumps(codec_badge(form), ensure_ascii=False) + "\n", "utf-8")


_IDS = tuple(CODEC_REQUIREMENTS)
_KINDS = tuple(each.name for each in kinds_of(RECORDS))
