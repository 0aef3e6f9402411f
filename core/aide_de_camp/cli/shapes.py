"""What ``--json`` prints: stable shapes, to which later versions only ever add.

Times are ISO 8601 in UTC with offset and microseconds. A field that doesn't apply is null.

*Job*::

    {"id", "queue", "type", "state", "priority", "codec", "payload_size",
     "scheduled_at", "enqueued_at", "started_at", "finished_at", "lease_until",
     "claims", "retries", "snoozes", "max_retries", "token", "worker", "reason",
     "error": null | {"type", "message", "path", "offset", "at"},
     "flags": ["decode" | "lease-expired" | "unknown-codec" | "unknown-state" |
               "unreadable-error", ...]}

``scheduled_at`` is when the job falls due, and moves with a retry; ``enqueued_at`` never does.
A job whose lease expired, by the clock of the machine that looks, is running until a claim takes
it back.
An error's ``message``, which may quote what the handler quoted, is null in listings but with
``dead list --messages``. A shown job's error has it, ``traceback`` too, and with ``--detail`` the
codec's own ``detail``; they may quote what the handler or the codec quoted. With ``--payload`` the
job has ``payload``::

    {"encoding": "utf-8" | "base64", "data": "..."}

========================  ======================================================================
``jobs list``,            ``{"jobs": [Job, ...], "cursor": null | "..."}``
``dead list``
``jobs show``,            ``{"jobs": [Job, ...], "missing": ["id", ...]}``; for ``dead show``
``dead show``             what isn't dead is missing
``jobs counts``           ``{"queue", "total", "by_state": {state: n}, "by_type":
                          {type: {state: n}}}``
``jobs cancel``           ``{"results": [{"id", "result", "state"}, ...]}``, the result being
                          cancelled, running or not_found; ``state`` is that of a kept record
``dead requeue``,         as ``jobs cancel``, the result being requeued, deleted or not_found
``dead delete``
the same for all that     ``{"count": n}``
match
``queues``                ``{"queues": [{"queue", "total", "by_state": {state: n}}, ...]}``
``prune``                 ``{"count": n}``
``migrate``               ``{"queue", "found", "left", "changed"}``
``plugins``               ``{"plugins": [{"kind", "name", "status", "distribution", "version",
                          "spi", "capabilities", "summary", "detail"}, ...]}``
========================  ======================================================================
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aide_de_camp.cli.text import iso
from aide_de_camp.plugins import PluginInfo
from aide_de_camp.spi import DeadReason
from aide_de_camp.views import JobCounts, JobView

_UNKNOWN_STATE: Final = "unknown state"
"""How the reason begins that a backend gives to a record in a state that it doesn't know."""

Shape = dict[str, Any]


def job_shape(
    job: JobView,
    known_codecs: frozenset[str],
    *,
    whole: bool = False,
    messages: bool = False,
    payload: bool = False,
    detail: bool = False,
) -> Shape:
    """Shape one job.

    Args:
        job: the job.
        known_codecs: the names of the codecs that are installed.
        whole: with the error's message and traceback.
        messages: with the error's message.
        payload: with the payload.
        detail: with the codec's own words on a decode failure.
    """
    shape: Shape = {
        "id": str(job.id),
        "queue": job.queue,
        "type": job.job_type,
        "state": str(job.state),
        "priority": job.priority,
        "codec": job.codec,
        "payload_size": job.payload_size,
        "scheduled_at": iso(job.scheduled_at),
        "enqueued_at": iso(job.enqueued_at),
        "started_at": iso(job.started_at),
        "finished_at": iso(job.finished_at),
        "lease_until": iso(job.lease_until),
        "claims": job.claims,
        "retries": job.retries,
        "snoozes": job.snoozes,
        "max_retries": job.max_retries,
        "token": job.token,
        "worker": job.worker,
        "reason": job.reason,
        "error": _error_shape(job, whole=whole, messages=messages or whole, detail=detail),
        "flags": flags_of(job, known_codecs),
    }
    if payload:
        shape["payload"] = payload_shape(job.payload or b"")
    return shape


def flags_of(job: JobView, known_codecs: frozenset[str]) -> list[str]:
    """Name what is odd about a job, so that a bad one stands out and hides no other."""
    flags: list[str] = []
    if job.reason == DeadReason.DECODE:
        flags.append("decode")
    if job.lease_until is not None and job.lease_until <= datetime.now(UTC):
        flags.append("lease-expired")
    if job.codec not in known_codecs:
        flags.append("unknown-codec")
    if job.reason is not None and job.reason.startswith(_UNKNOWN_STATE):
        flags.append("unknown-state")
    if job.error is not None and job.error.type == "unreadable":
        flags.append("unreadable-error")
    return flags


def payload_shape(payload: bytes) -> Shape:
    """Show a payload as text if it is UTF-8, else as base64."""
    try:
        return {"encoding": "utf-8", "data": payload.decode()}
    except UnicodeDecodeError:
        return {"encoding": "base64", "data": base64.b64encode(payload).decode("ascii")}


def counts_shape(queue: str, counts: JobCounts) -> Shape:
    """Shape the counts."""
    return {
        "queue": queue,
        "total": counts.total,
        "by_state": {str(state): count for state, count in counts.by_state.items()},
        "by_type": {
            name: {str(state): count for state, count in row.items()}
            for name, row in sorted(counts.by_type.items())
        },
    }


def queues_shape(found: Mapping[str, JobCounts]) -> Shape:
    """Shape the listing of queues."""
    return {
        "queues": [
            {
                "queue": name,
                "total": counts.total,
                "by_state": {str(state): count for state, count in counts.by_state.items()},
            }
            for name, counts in found.items()
        ]
    }


def plugin_shape(plugin: PluginInfo) -> Shape:
    """Shape one line of the plugins' listing."""
    return {
        "kind": str(plugin.kind),
        "name": plugin.name,
        "status": str(plugin.status),
        "distribution": plugin.distribution,
        "version": plugin.version,
        "spi": None if plugin.spi is None else ".".join(map(str, plugin.spi)),
        "capabilities": sorted(each.value for each in plugin.capabilities),
        "summary": plugin.summary,
        "detail": plugin.detail,
    }


def _error_shape(job: JobView, *, whole: bool, messages: bool, detail: bool) -> Shape | None:
    error = job.error
    if error is None:
        return None
    shape: Shape = {
        "type": error.type,
        "message": error.message if messages else None,
        "path": error.path,
        "offset": error.offset,
        "at": iso(job.error_at),
    }
    if whole:
        shape["traceback"] = error.traceback
    if detail:
        shape["detail"] = error.detail
    return shape
