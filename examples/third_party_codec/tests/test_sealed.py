"""The conformance kit judges the codec; its keys are those of a test."""

import os

from aide_de_camp_conformance.codec import CodecConformance, CodecHarness

os.environ.setdefault("ADC_SEALED_KEYS", "test=" + "A" * 43 + "=")


class Sealed(CodecHarness):
    name, refuses = "sealed", ("dict by tuple",)


class TestSealed(CodecConformance):
    harness = Sealed
