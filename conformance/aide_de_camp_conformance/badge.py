"""A badge, as the endpoint format of shields.io."""

from __future__ import annotations

from typing import Any, Final

from aide_de_camp_conformance.codec_form import CodecForm
from aide_de_camp_conformance.form import KitForm, ReportForm

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
    return _badge("aide-de-camp conformance", message, form.kit, colour)


def codec_badge(form: CodecForm) -> dict[str, Any]:
    """Give the badge's JSON of a codec, which has no levels: how many of how many passed."""
    if not (form.complete and form.asked):
        message, colour = "partial run" if form.asked else "nothing asked", "lightgrey"
    else:
        message, colour = form.verdict, "red" if form.broken else "brightgreen"
    return _badge(f"aide-de-camp codec {form.codec}", message, form.kit, colour)


def _badge(label: str, message: str, kit: KitForm, colour: str) -> dict[str, Any]:
    return {
        "schemaVersion": 1,
        "label": label,
        "message": f"{message} · kit {kit.version}",
        "color": colour,
    }
