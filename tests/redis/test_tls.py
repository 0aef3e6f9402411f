"""``rediss://``: encrypted, and only to servers whose certificates are trusted and name them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from aide_de_camp import JobState, JobType, StorageError, open_queue

from ..servers import Servers

NOTE = JobType("note", str)


@asynccontextmanager
async def tls_in_front(url: str, context: ssl.SSLContext) -> AsyncIterator[int]:
    """End TLS in front of a server that knows none; gives the port."""
    to = urlsplit(url)

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while some := await reader.read(65_536):
                writer.write(some)
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(to.hostname, to.port)
        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Certificates:
    """A server's, by an authority of its own, and a client's."""

    def __init__(self, folder: Path, host: str) -> None:
        authority = trustme.CA()
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(self.server)
        authority.configure_trust(self.server)
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        client = authority.issue_cert("client@example.com")
        self.cert, self.key = folder / "client.pem", folder / "client.key"
        self.cert.write_bytes(b"".join(each.bytes() for each in client.cert_chain_pems))
        client.private_key_pem.write_to_path(str(self.key))


async def schedule_and_find(url: str) -> None:
    async with open_queue(url) as queue:
        job_id = await queue.schedule(NOTE, "x")
        job = await queue.get_job(job_id)
        assert (job.state, job.payload) == (JobState.SCHEDULED, b'"x"')


def test_it_is_encrypted_and_checked(servers: Servers, tmp_path: Path) -> None:
    async def run() -> None:
        url = servers.redis().fresh_url()
        database = urlsplit(url).path
        certificates = Certificates(tmp_path, "localhost")
        async with tls_in_front(url, certificates.server) as port:
            trusting = f"rediss://localhost:{port}{database}?tls_ca={certificates.ca}"
            await schedule_and_find(trusting)
            # The name in the certificate isn't this one.
            elsewhere = trusting.replace("localhost:", "127.0.0.1:")
            with pytest.raises(StorageError):
                await schedule_and_find(elsewhere)
            await schedule_and_find(f"{elsewhere}&tls_check_host=false")
            # Nobody whom this machine trusts has signed it.
            with pytest.raises(StorageError):
                await schedule_and_find(f"rediss://localhost:{port}{database}")
            with pytest.raises(StorageError):
                await schedule_and_find(f"redis://localhost:{port}{database}?timeout=1")

    asyncio.run(run())


def test_a_client_shows_its_own_certificate_where_it_is_asked(
    servers: Servers, tmp_path: Path
) -> None:
    async def run() -> None:
        url = servers.redis().fresh_url()
        certificates = Certificates(tmp_path, "localhost")
        certificates.server.verify_mode = ssl.CERT_REQUIRED
        async with tls_in_front(url, certificates.server) as port:
            bare = f"rediss://localhost:{port}{urlsplit(url).path}?tls_ca={certificates.ca}"
            with pytest.raises(StorageError):
                await schedule_and_find(f"{bare}&timeout=2")
            shown = f"&tls_cert={certificates.cert}&tls_key={certificates.key}"
            await schedule_and_find(bare + shown)

    asyncio.run(run())
