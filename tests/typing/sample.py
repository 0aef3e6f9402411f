"""What a type checker must accept, and (marked ``# wrong``) must refuse. Never run."""

from __future__ import annotations

from attrs import frozen

from aide_de_camp import JobContext, JobProcessor, JobRequest, JobRouter, JobType, Queue, Snooze


@frozen
class Invoice:
    a: int


router = JobRouter()


@router.job("x", max_retries=3)
async def send(p: Invoice, job: JobContext) -> Snooze | None:
    return None


@router.job("y")
def sync(p: int) -> None: ...


class Proc(JobProcessor[Invoice]):
    job_type = "z"

    async def handle(self, payload: Invoice, job: JobContext) -> None: ...


router.add(Proc())


def check(invoice: Invoice) -> None: ...


async def main(queue: Queue) -> None:
    await queue.schedule(send, Invoice(1))
    await queue.schedule(send, "wrong")  # wrong
    await queue.schedule(sync, 3)
    await queue.schedule(sync, "wrong")  # wrong
    await queue.schedule(Proc, Invoice(1))
    await queue.schedule(Proc(), Invoice(1))
    await queue.schedule(Proc, 3)  # wrong
    plain = JobType("send", Invoice)
    job_id = await queue.schedule(plain, Invoice(1))
    invoice = await queue.unschedule_job(job_id, plain)
    check(invoice)
    invoice = await queue.unschedule_job(job_id, send)
    check(invoice)
    invoice = await queue.unschedule_job(job_id, Proc)
    check(invoice)
    handle = await queue.poll_next(plain)
    assert handle
    invoice = handle.payload
    check(invoice)
    JobRequest(send, 3)  # wrong
    await queue.schedule_many([JobRequest(send, Invoice(2)), JobRequest(sync, 2)])
    numbers = JobType("l", list[int])
    await queue.schedule(numbers, [1])
    await queue.schedule(numbers, ["x"])  # wrong
    nothing = JobType("n", type(None))
    await queue.schedule(nothing, None)
