"""As whom a server runs that refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path
from typing import Any

NAMES = ("nobody", "postgres")


def unprivileged() -> dict[str, Any]:
    """Give the arguments of ``Popen`` for it; none when we aren't root ourselves."""
    if os.geteuid() != 0:
        return {}
    for name in NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return {"user": 65_534, "group": 65_534, "extra_groups": []}


def hand_over(folder: Path, account: dict[str, Any]) -> None:
    """Make a folder the account's own."""
    if account:
        shutil.chown(folder, account["user"], account["group"])
