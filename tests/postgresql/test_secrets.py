"""No error shows what a payload holds, whoever complains of it (clauses DEC-6, ERR-1)."""

from __future__ import annotations

import asyncio
import traceback

import pytest

from aide_de_camp.spi import StorageError

SECRET = b"tell-nobody"
RAISING = """
CREATE FUNCTION raising() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'no' USING HINT = NEW.payload, DETAIL = NEW.payload;
END $$
"""


async def told(call) -> tuple[StorageError, str]:
    """Give the error that a call raises, and all that a log could show of it."""
    with pytest.raises(StorageError) as caught:
        await call
    return caught.value, "".join(traceback.format_exception(caught.value))


def test_what_the_server_quotes_is_left_out(bench):
    """A failing row is quoted in the DETAIL of the server's error."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.sql("ALTER TABLE adc_job ADD CHECK (length(payload) < 5)")
            job = bench.job(payload=SECRET)
            error, text = await told(bench.put(storage, job))
            assert error.job_id == job.id
            assert str(job.id) in text
            assert "23514" in str(error)
            assert error.__cause__ is not None
            assert SECRET.decode() not in text
            assert SECRET.hex() not in text
            # The transaction took no effect, and its connection is as good as before.
            await bench.put(storage, bench.job(payload=b"1"))

    asyncio.run(run())


def test_the_server_s_context_is_left_out(bench):
    """It holds all arguments where the server is set to log them."""

    async def run() -> None:
        name = bench.url.rpartition("/")[2]
        await bench.sql(f'ALTER DATABASE "{name}" SET log_parameter_max_length_on_error = -1')
        async with bench.opened() as storage:
            await bench.sql(RAISING)
            await bench.sql(
                "CREATE TRIGGER raising BEFORE INSERT ON adc_job FOR EACH ROW "
                "EXECUTE FUNCTION raising()"
            )
            error, _ = await told(bench.put(storage, bench.job(payload=SECRET)))
            fields = vars(error.__cause__)
            assert fields["sqlstate"] == "P0001"
            for shown in (repr(fields), repr(vars(error))):
                assert SECRET.decode() not in shown
                assert SECRET.hex() not in shown

    asyncio.run(run())


def test_what_the_driver_quotes_is_left_out(bench):
    """An argument that can't be encoded is quoted in the driver's error."""

    async def run() -> None:
        async with bench.opened() as storage:
            for bad in ({"delay": 2**70}, {"payload": SECRET.decode()}, {"max_retries": "many"}):
                job = bench.job(**({"payload": SECRET} | bad))
                error, text = await told(bench.put(storage, job))
                assert error.job_id == job.id
                assert SECRET.decode() not in text
            await bench.put(storage, bench.job())

    asyncio.run(run())
