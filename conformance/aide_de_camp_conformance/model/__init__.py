"""A model of the contract, and a machine that drives any storage beside it by random steps.

It needs Hypothesis, which the extra ``conformance`` brings::

    from aide_de_camp_conformance.model import ModelConformance

    class TestMineBesideTheModel(ModelConformance):
        harness = MyHarness
"""

from __future__ import annotations

from aide_de_camp_conformance.model.conformance import ModelConformance
from aide_de_camp_conformance.model.machine import StorageMachine, machine_of
from aide_de_camp_conformance.model.reference import Model
from aide_de_camp_conformance.model.running import run_model

__all__ = ["Model", "ModelConformance", "StorageMachine", "machine_of", "run_model"]
