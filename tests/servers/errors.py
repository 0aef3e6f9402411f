"""What goes wrong with a server itself. Neither is ever a reason to skip a test."""

from __future__ import annotations


class ServerMissing(Exception):
    """No binary of the server was found; the message says how to get one."""


class ServerFailed(Exception):
    """A server didn't start, or didn't get where it should; its last words are in the message."""
