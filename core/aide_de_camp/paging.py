"""Reading many jobs a page at a time (clause OBS-2)."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from aide_de_camp.checks import checked_count
from aide_de_camp.mark_kinds import is_job
from aide_de_camp.session import Session
from aide_de_camp.spi import BATCH_JOBS, JobFilter, JobRecord, RecordPage, Storage
from aide_de_camp.views import JobPage, cursor_to_id, view_of


async def page_of(
    session: Session, where: JobFilter, limit: int, cursor: str | None, *, newest_first: bool
) -> JobPage:
    """Read one page of jobs, the marks of moves left out (clause OBS-2).

    Raises:
        InvalidArgument: ``limit`` isn't in 1..1,000, or no page gave the cursor.
    """
    checked_count("limit", limit, least=1, most=BATCH_JOBS)
    after = cursor_to_id(cursor)
    found: list[JobRecord] = []
    while len(found) < limit:
        page = await session.call(
            partial(
                _read,
                queue=session.queue,
                where=where,
                limit=limit - len(found),
                after=after,
                newest_first=bool(newest_first),
            )
        )
        found += filter(is_job, page.records)
        after = page.after
        if after is None:
            break
    return JobPage(tuple(map(view_of, found)), None if after is None else str(after))


async def _read(
    storage: Storage,
    *,
    queue: str,
    where: JobFilter,
    limit: int,
    after: UUID | None,
    newest_first: bool,
) -> RecordPage:
    return await storage.list(queue, where, limit=limit, after=after, newest_first=newest_first)
