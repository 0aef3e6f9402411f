"""Each public method says what it raises: the errors that nearly all share are easily forgotten."""

from __future__ import annotations

import inspect
import re

import pytest

from aide_de_camp import JobHandle, Queue, open_queue
from aide_de_camp.dead import DeadQueue

REFERENCE = re.compile(r"as :meth:`(\w+)`")


def methods(owner):
    return [
        pytest.param(owner, name, id=f"{owner.__name__}.{name}")
        for name, method in inspect.getmembers(owner, inspect.iscoroutinefunction)
        if not name.startswith("_") and name not in ("open", "close")
    ]


def documented(owner, name, seen=()):
    """What a method says that it raises, itself or as another method does."""
    text = inspect.getdoc(getattr(owner, name)).partition("Raises:")[2]
    found = set(re.findall(r"^ {4}(\w+):", text, re.MULTILINE))
    for other in set(REFERENCE.findall(text)) - {name, *seen}:
        found |= documented(owner, other, (name, *seen))
    return found


@pytest.mark.parametrize(
    ("owner", "name"), [*methods(Queue), *methods(DeadQueue), *methods(JobHandle)]
)
def test_what_any_call_to_the_storage_can_raise_is_documented(owner, name):
    assert {"StorageUnavailable", "QueueClosed", "QueueMisused"} <= documented(owner, name)


@pytest.mark.parametrize(
    ("owner", "name"), [*methods(Queue), *methods(DeadQueue), *methods(JobHandle)]
)
def test_what_bad_arguments_raise_is_documented(owner, name):
    if set(inspect.signature(getattr(owner, name)).parameters) != {"self"}:
        assert {"InvalidArgument", "InvalidSchedule"} & documented(owner, name)


@pytest.mark.parametrize(
    ("owner", "name"), [*methods(Queue), *methods(DeadQueue), *methods(JobHandle)]
)
def test_every_argument_is_documented_where_there_is_more_than_one(owner, name):
    arguments = set(inspect.signature(getattr(owner, name)).parameters) - {"self"}
    text = inspect.getdoc(getattr(owner, name)).partition("Args:")[2].partition("Returns:")[0]
    if len(arguments) > 1 and name != "unschedule_job":
        assert arguments <= set(re.findall(r"^ {4}(\w+):", text, re.MULTILINE))


def test_open_queue_documents_every_argument_and_error():
    text = inspect.getdoc(open_queue)
    for argument in inspect.signature(open_queue).parameters:
        assert f"    {argument}: " in text
    for error in ("PluginNotFound", "PluginError", "ConfigurationError", "InvalidArgument"):
        assert f"    {error}: " in text
