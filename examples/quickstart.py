"""Schedule a few jobs, change your mind about one, and run the rest."""

import asyncio
from datetime import timedelta

from attrs import frozen

from aide_de_camp import JobContext, JobRouter, JobRunner, open_queue


@frozen
class Invoice:
    customer: int
    email: str


router = JobRouter()


@router.job("send_invoice", max_retries=5)
async def send_invoice(invoice: Invoice, job: JobContext) -> None:
    print(f"attempt {job.retries + 1}: customer {invoice.customer}, priority {job.priority}")


async def main() -> None:
    async with open_queue("sqlite:///jobs.db") as queue:
        await queue.schedule(send_invoice, Invoice(7, "a@example.com"))
        await queue.schedule(send_invoice, Invoice(8, "b@example.com"), priority=10)
        mistake = await queue.schedule(send_invoice, Invoice(9, "c@example.com"))
        print("taken back:", await queue.unschedule_job(mistake, send_invoice))
        await queue.schedule_in(send_invoice, Invoice(10, "d@example.com"), timedelta(minutes=5))
        await JobRunner(queue, router, concurrency=50).drain()  # or run(), until it is stopped


if __name__ == "__main__":
    asyncio.run(main())
