"""URLs in which the kit fills in a place's name and a folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from aide_de_camp import redact_url

NAMESPACE: Final = "{namespace}"
FOLDER: Final = "{folder}"
_STRANGE: Final = re.compile(r"\{[^{}/@]*\}")


def check_template(url: str) -> None:
    """Refuse a brace that nothing would be filled in for: mostly a name that is mistyped.

    Passwords may hold any.

    Raises:
        ValueError: there is one. The message shows no more of the URL than a name in braces.
    """
    rest = redact_url(url.replace(NAMESPACE, "").replace(FOLDER, ""))
    if "{" not in rest and "}" not in rest:
        return
    strange = _STRANGE.search(rest)
    what = "a brace" if strange is None else strange[0]
    raise ValueError(
        f"in the URL stands {what}: only {NAMESPACE} and {FOLDER} are filled in; write %7B and %7D "
        "for braces that are meant so"
    )


def filled(url: str, *, namespace: str, folder: Path) -> str:
    """Fill in both, wherever they stand."""
    return url.replace(FOLDER, str(folder)).replace(NAMESPACE, namespace)
