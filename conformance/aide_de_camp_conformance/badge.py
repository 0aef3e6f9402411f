"""A badge, as the endpoint format of shields.io."""

from __future__ import annotations

from typing import Any, Final

from aide_de_camp_conformance.form import ReportForm

_COLOURS: Final = {0: "red", 1: "yellow", 2: "green", 3: "brightgreen"}


def badge(form: ReportForm) -> dict[str, Any]:
    """Give the badge's JSON.

    It names a level only for a run that left nothing out and in which nothing failed, and with it
    how many requirements couldn't be asked.
    """
    if not form.complete:
        message, colour = "partial run", "lightgrey"
    elif form.broken:
        message, colour = "failing", "red"
    elif not form.level:
        message, colour = "no level", "red"
    else:
        unasked = f", {len(form.unasked)} not asked" if form.unasked else ""
        message, colour = f"level {form.level}{unasked}", _COLOURS[form.level]
    return {
        "schemaVersion": 1,
        "label": "aide-de-camp conformance",
        "message": f"{message} · kit {form.kit.version}",
        "color": colour,
    }
