"""What all tests share: real servers, started when a test first asks for one."""

from __future__ import annotations

from .servers.fixtures import (
    postgresql_server,
    postgresql_url,
    proxy_to,
    redis_cluster,
    redis_server,
    redis_url,
    servers,
)

__all__ = [
    "postgresql_server",
    "postgresql_url",
    "proxy_to",
    "redis_cluster",
    "redis_server",
    "redis_url",
    "servers",
]
