"""A report on a terminal: a table of clauses, and below it why what failed did."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aide_de_camp_conformance.form import ReportForm

COLOURS: Final = {
    "passed": "green",
    "failed": "bold red",
    "error": "bold magenta",
    "deviation": "yellow",
    "not_declared": "dim",
    "not_asked": "cyan",
}


def print_report(form: ReportForm, console: Console) -> None:
    """Print it."""
    table = Table("clause", "level", "requirements", "outcome", title=Text(form.backend.server))
    for clause in form.clauses:
        words = ", ".join(each.id.partition(".")[2] for each in clause.requirements)
        outcome = Text(clause.outcome.replace("_", " "), style=COLOURS[clause.outcome])
        table.add_row(Text(clause.clause), str(clause.level), Text(words), outcome)
    console.print(table)
    for each in form.requirements:
        if each.message is not None:
            console.print(Text(f"{each.id}: {each.outcome}: {each.sentence}", style="bold"))
            console.print(Text("\n".join(f"    {line}" for line in each.message.split("\n"))))
    declared = ", ".join(form.backend.capabilities) or "nothing"
    told = "; ".join(each for each in (tally(form), verdict(form)) if each)
    console.print(Text(f"declares {declared}; {told}"))


def verdict(form: ReportForm) -> str:
    """Say in a few words what a run comes to."""
    if not form.complete:
        return "no level: not everything was run"
    level = f"level {form.level}" if form.level else "no level"
    told = f"reaches {level} of kit {form.kit.version}"
    return f"{told}; not asked: {', '.join(form.unasked)}" if form.unasked else told


def tally(form: ReportForm) -> str:
    """Say how many requirements didn't fare well, in words; empty where all did."""
    outcomes = [each.outcome for each in form.requirements]
    told = {
        "failed": outcomes.count("failed"),
        "couldn't be run": outcomes.count("error"),
        "declared as deviating": outcomes.count("deviation"),
    }
    return ", ".join(f"{number} {what}" for what, number in told.items() if number)
