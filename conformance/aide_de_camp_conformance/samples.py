"""Payloads and job types that the requirements use."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from attrs import field, frozen

from aide_de_camp import ConstantBackoff, JobRequest, JobType
from aide_de_camp.spi import PRIORITY_MAX, PRIORITY_MIN


@frozen
class Line:
    """A part of an order."""

    item: str
    price: float


@frozen
class Order:
    """A payload with parts."""

    number: int
    lines: list[Line]
    note: str = ""
    labels: dict[str, str] = field(factory=dict[str, str])


NO_TIME: Final = timedelta(0)

BYTES: Final = JobType("bytes", bytes, codec="raw")
"""Payloads that are stored as they are."""
ORDER: Final = JobType("order", Order)
"""Payloads by the queue's default codec."""
HOSTILE: Final = JobType("hostile", bytes, codec="hostile")
"""Payloads whose decoding raises what they say."""

VICTIM: Final = JobType("victim", str, max_retries=50)
"""What the processes that are killed work on."""

SAMPLE: Final = Order(7, [Line("rope", 2.5), Line("lamp", 12.0)], "to the back door", {"by": "sea"})

PRIORITIES: Final = (PRIORITY_MIN, -2, -1, 0, 1, 2, PRIORITY_MAX)
"""Both ends, and the steps around 0 at which signs go wrong."""

NASTY_BYTES: Final = {
    "empty": b"",
    "one NUL": b"\x00",
    "NULs within": b"a\x00b\x00\x00",
    "invalid UTF-8": b"\xff\xfe\x80\xc3\x28",
    "every byte": bytes(range(256)),
    "quotes and escapes": b"'\"\\x00\\'; DROP TABLE adc_jobs; --",
    "line ends": b"\r\n\n\r",
}
MEBIBYTE: Final = bytes(range(256)) * 4096


def order_type(**options: Any) -> JobType[Order]:
    """Make the job type ``order`` with other options."""
    return JobType("order", Order, **options)


def bytes_type(name: str = "bytes", **options: Any) -> JobType[bytes]:
    """Make a job type of raw bytes that waits for nothing before it retries."""
    options.setdefault("backoff", ConstantBackoff(NO_TIME))
    return JobType(name, bytes, codec="raw", **options)


def requests(count: int, size: int = 1) -> list[JobRequest[bytes]]:
    """Make requests of raw bytes, each of a size."""
    return [JobRequest(BYTES, bytes([index % 251]) * size) for index in range(count)]
