"""Log lines for people and for programs."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime

from aide_de_camp.logs import JsonFormatter, TextFormatter


def record(**extra: object) -> logging.LogRecord:
    made = logging.LogRecord("aide_de_camp.x", logging.WARNING, "f.py", 1, "n=%d", (5,), None)
    made.__dict__.update(extra)
    return made


def test_json_has_the_fields_and_the_extras() -> None:
    line = JsonFormatter().format(record(adc_job_id="j", adc_retries=2, other="x"))
    assert "\n" not in line
    fields = json.loads(line)
    moment = datetime.fromisoformat(fields.pop("time"))
    assert moment.utcoffset() is not None
    assert fields == {
        "level": "warning",
        "logger": "aide_de_camp.x",
        "message": "n=5",
        "adc_job_id": "j",
        "adc_retries": 2,
    }


def test_json_keeps_a_traceback_on_its_line() -> None:
    made = record()
    try:
        raise ValueError("x")
    except ValueError:
        made.exc_info = sys.exc_info()
    line = JsonFormatter().format(made)
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("ValueError: x")


def test_text_says_the_time_in_utc() -> None:
    made = record()
    made.created = 0.25
    assert TextFormatter().format(made) == (
        "1970-01-01T00:00:00.250+00:00 WARNING aide_de_camp.x: n=5"
    )


def test_a_jobs_traceback_follows_its_line_and_steers_no_terminal() -> None:
    made = record(adc_traceback='Traceback:\n  x = "\x1b[2J"\n')
    assert TextFormatter().format(made).splitlines()[1:] == ["Traceback:", r'  x = "\x1b[2J"']
    fields = json.loads(JsonFormatter().format(made))
    assert fields["traceback"] == 'Traceback:\n  x = "\x1b[2J"\n'
    assert "adc_traceback" not in fields


def test_no_traceback_is_no_line_and_no_field() -> None:
    made = record(adc_traceback=None)
    assert "\n" not in TextFormatter().format(made)
    assert "traceback" not in json.loads(JsonFormatter().format(made))
