"""Telling of leases that were taken back (clauses LEA-2, OBS-5)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from aide_de_camp.session import Session
from aide_de_camp.spi import DeadReason, Event, EventKind, JobState, ReapedJob

_log = logging.getLogger("aide_de_camp.leases")


def tell_of_reaped(session: Session, reaped: Sequence[ReapedJob]) -> None:
    """Log and emit what became of jobs whose leases expired."""
    for job in reaped:
        dead = job.state is JobState.DEAD
        _log.warning(
            "lease expired: job %s (%s) is %s",
            job.id,
            job.job_type,
            "dead: no retry was left" if dead else "scheduled again",
            extra={"adc_job_id": str(job.id), "adc_job_type": job.job_type},
        )
        if session.bus.active:
            session.bus.emit(
                Event(
                    EventKind.DEAD if dead else EventKind.REAPED,
                    session.queue,
                    job.id,
                    job.job_type,
                    reason=DeadReason.LEASE,
                )
            )
