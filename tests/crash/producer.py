"""A producer to be killed: ``producer.py URL HISTORY NAME IDS SEED``; it notes what it was told."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from random import Random

from aide_de_camp import JobRequest, JobType, Registry, open_queue
from aide_de_camp_conformance.histories import Recorder, Recording
from aide_de_camp_conformance.place import door

TRIES = {"many_tries": 200, "at_most_once": 0, "in_a_thread": 200}
TYPES = [JobType(name, int) for name in TRIES]


async def main() -> None:
    random = Random(sys.argv[5])
    ids = os.open(sys.argv[4], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def one() -> JobRequest[int]:
        (job,) = random.choices(TYPES, (6, 2, 2))
        return JobRequest(
            job,
            random.randrange(1, 200),
            priority=random.randrange(-2, 3),
            max_retries=TRIES[job.name],
        )

    opener, way = Registry().storage(sys.argv[1]), door()
    recorder = Recorder(Path(sys.argv[2]), sys.argv[3])
    url = way.places.url_of(lambda: Recording(opener(), recorder))
    async with open_queue(url, registry=way.registry) as queue:
        while True:
            if random.random() < 0.3:
                stored = await queue.schedule_many([one() for _ in range(random.randrange(1, 8))])
            else:
                request = one()
                stored = [
                    await queue.schedule(
                        request.job,
                        request.payload,
                        priority=request.priority,
                        max_retries=request.max_retries,
                    )
                ]
            os.write(ids, "".join(f"{job_id}\n" for job_id in stored).encode())
            await asyncio.sleep(random.random() * 0.12)


if __name__ == "__main__":
    asyncio.run(main())
