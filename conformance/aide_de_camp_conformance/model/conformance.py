"""The model as a pytest test, beside :class:`BackendConformance`."""

from __future__ import annotations

from typing import ClassVar

from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.model.running import run_model


class ModelConformance:
    """Drives a storage beside the model, by random steps.

    ``class TestMineBesideTheModel(ModelConformance): harness = MyHarness`` is all of it.

    Attributes:
        harness: makes the harness, without arguments; its class does.
    """

    harness: ClassVar[type[Harness]]

    def test_model(self) -> None:
        """Whatever is done, the storage answers and keeps what the model does."""
        harness = self.harness()
        try:
            run_model(harness)
        finally:
            harness.close()
