"""Histories: what many callers were told, written down, and a judge of whether it can be so.

:class:`Recording` around any storage writes a history of whatever drives it; :func:`check` judges
it. :func:`run_processes` and :func:`run_threads` drive a storage by themselves, and do harm to
those who do.
"""

from __future__ import annotations

from aide_de_camp_conformance.histories.call import Call, calls_of
from aide_de_camp_conformance.histories.checker import Verdict, check
from aide_de_camp_conformance.histories.event import Event, Item, Operation, Phase
from aide_de_camp_conformance.histories.finding import Finding, Kind
from aide_de_camp_conformance.histories.minimising import minimise, smallest
from aide_de_camp_conformance.histories.processes import run_processes
from aide_de_camp_conformance.histories.recorder import Recorder, digest, read
from aide_de_camp_conformance.histories.recording import Recording
from aide_de_camp_conformance.histories.run import Run
from aide_de_camp_conformance.histories.telling import told
from aide_de_camp_conformance.histories.threads import run_threads

__all__ = [
    "Call",
    "Event",
    "Finding",
    "Item",
    "Kind",
    "Operation",
    "Phase",
    "Recorder",
    "Recording",
    "Run",
    "Verdict",
    "calls_of",
    "check",
    "digest",
    "minimise",
    "read",
    "run_processes",
    "run_threads",
    "smallest",
    "told",
]
