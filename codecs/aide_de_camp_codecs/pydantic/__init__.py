"""The codec `pydantic`: models and pydantic dataclasses as JSON (extra `pydantic`)."""
