"""Run an adapter, under the name by which its workers know it: ``python drive.py rq_peer``."""

from __future__ import annotations

import asyncio
import importlib
import sys

import protocol

if __name__ == "__main__":
    adapter = importlib.import_module(sys.argv[1])
    protocol.main(adapter.PEER, run=getattr(adapter, "run", asyncio.run))
