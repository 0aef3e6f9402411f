"""ENQ-5: the times for which jobs are scheduled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from aide_de_camp import InvalidSchedule, JobRequest
from aide_de_camp.spi import TIME_MAX, TIME_MIN, to_microseconds
from aide_de_camp_conformance.desk import HOUR, MINUTE
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES

FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
EAST = timezone(timedelta(hours=14))
WEST = timezone(-timedelta(hours=12))
ODD = timezone(timedelta(hours=5, minutes=29, seconds=59, microseconds=999_999))


@requirement("ENQ-5.zones", level=1)
async def zones(kit: Kit) -> None:
    """Times are instants at microsecond resolution: any zone means the same one."""
    queue = await kit.queue()
    moment = datetime(2026, 10, 25, 0, 30, 0, 123_457, tzinfo=UTC)
    zones: list[tzinfo] = [UTC, EAST, WEST, ODD, ZoneInfo("Europe/Berlin")]
    for zone in zones:
        job_id = await queue.schedule_at(BYTES, b"", moment.astimezone(zone))
        same((await queue.get_job(job_id)).scheduled_at, moment, f"when it is due, given in {zone}")
    # The hour that a fall-back repeats: fold says which of the two.
    berlin = ZoneInfo("Europe/Berlin")
    for fold, hour in ((0, 0), (1, 1)):
        wall = datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=fold)
        job_id = await queue.schedule_at(BYTES, b"", wall)
        wanted = datetime(2026, 10, 25, hour, 30, tzinfo=UTC)
        same((await queue.get_job(job_id)).scheduled_at, wanted, f"when it is due, fold={fold}")


@requirement("ENQ-5.bounds", level=1)
async def bounds(kit: Kit) -> None:
    """Every instant of years 1 to 9999 in UTC is stored exactly; only what is due is claimed."""
    queue, desk = await kit.queue(), await kit.desk()
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    past = [FIRST, datetime(1, 1, 1, 14, tzinfo=EAST), epoch - timedelta(microseconds=1), epoch]
    future = [LAST, datetime(9999, 12, 31, 11, 59, 59, 999_999, tzinfo=WEST)]
    for moment in (*past, *future):
        job_id = await queue.schedule_at(BYTES, b"", moment)
        same((await queue.get_job(job_id)).scheduled_at, moment, "when it is due")
        record = await desk.get(job_id)
        same(record.scheduled_at, to_microseconds(moment), "when it is due, in microseconds")
    claimed = [job.scheduled_at for job in await desk.claim(10)]
    same(claimed, sorted(map(to_microseconds, past)), "what is due, earliest first")
    same((claimed[0], to_microseconds(LAST)), (TIME_MIN, TIME_MAX), "the bounds")


@requirement("ENQ-5.refused", level=1)
async def refused(kit: Kit) -> None:
    """A naive time, or one outside years 1 to 9999 UTC, raises InvalidSchedule; none is stored."""
    queue = await kit.queue()
    bad = [
        datetime(2026, 1, 1),  # noqa: DTZ001 (naive on purpose)
        datetime(1, 1, 1, 13, 59, tzinfo=EAST),
        datetime(9999, 12, 31, 12, tzinfo=WEST),
        datetime.min,  # noqa: DTZ901 (naive on purpose)
        datetime.max.replace(tzinfo=WEST),
        1_767_268_800,
        "2026-01-01T00:00:00Z",
    ]
    for moment in bad:
        with raises(InvalidSchedule, f"schedule_at {moment!r}") as caught:
            await queue.schedule_at(BYTES, b"", moment)  # type: ignore[arg-type] # some on purpose
        same(caught.error.argument, "at", "the argument that is named")
        with raises(InvalidSchedule, f"schedule_many at {moment!r}"):
            request = JobRequest(BYTES, b"", at=moment)  # type: ignore[arg-type] # as above
            await queue.schedule_many([JobRequest(BYTES, b""), request])
    same((await queue.count_jobs()).total, 0, "how many jobs were stored")


@requirement("ENQ-5.overflow", level=1)
async def overflow(kit: Kit) -> None:
    """A delay that leads out of years 1 to 9999 raises InvalidSchedule, and stores nothing."""
    queue = await kit.queue()
    tick = timedelta(microseconds=1)
    end, start = LAST - kit.today, FIRST - kit.today
    for delay in (timedelta.max, timedelta.min, end + tick, start - tick):
        with raises(InvalidSchedule, f"schedule_in {delay}") as caught:
            await queue.schedule_in(BYTES, b"", delay)
        same(caught.error.argument, "delay", "the argument that is named")
    same((await queue.count_jobs()).total, 0, "how many jobs were stored")
    job_id = await queue.schedule_in(BYTES, b"", end)
    same((await queue.get_job(job_id)).scheduled_at, LAST, "the last instant there is")


@requirement("ENQ-5.past", level=1)
async def past(kit: Kit) -> None:
    """A past time, or a negative delay, is due at once."""
    queue, desk = await kit.queue(), await kit.desk()
    early = kit.today - timedelta(days=400)
    by_time = await queue.schedule_at(BYTES, b"", early)
    by_delay = await queue.schedule_in(BYTES, b"", -timedelta(microseconds=1))
    same((await queue.get_job(by_time)).scheduled_at, early, "a past time is kept")
    same(await desk.claimed_ids(), [by_time, by_delay], "what is due at once")


@requirement("ENQ-5.delay", level=1)
async def delay(kit: Kit) -> None:
    """A delay counts from the storage's present to the microsecond: due then, and not before."""
    queue, desk = await kit.queue(), await kit.desk()
    job_id = await queue.schedule_in(BYTES, b"", timedelta(hours=1, microseconds=1))
    record = await desk.get(job_id)
    same(record.scheduled_at, kit.now + HOUR + 1, "when it is due")
    same(record.enqueued_at, kit.now, "when it was stored")
    stored = await desk.add(delay=MINUTE)
    same((await desk.get(stored)).scheduled_at, kit.now + MINUTE, "when a minute from now is")
    kit.advance(HOUR)
    same(await desk.claimed_ids(), [stored], "what is due a microsecond before")
    kit.advance(1)
    same(await desk.claimed_ids(), [job_id], "what is due at that very instant")
