"""What reaches the log: one JSON line a record, with the request id, and no secrets."""

import json
import subprocess
import sys

PROGRAM = """
import logging, structlog
from app.logging import configure_logging
configure_logging(log_format={form!r}, level="info")
log = structlog.get_logger("nordlyd.access")
log.debug("below the level")
with structlog.contextvars.bound_contextvars(request_id="abc"):
    log.info("blåbær", status=200)
    logging.getLogger("uvicorn.error").info("below the level")
    logging.getLogger("some.library").warning("%s is odd", "this")
try:
    key = "se" + "cret"
    raise ValueError("it broke")
except ValueError:
    log.exception("failed")
"""


def lines(form: str) -> list[str]:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(form=form)],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.stdout == ""
    assert "below the level" not in ended.stderr
    assert "secret" not in ended.stderr
    return ended.stderr.splitlines()


def test_every_record_is_one_json_line_with_the_request_id() -> None:
    access, library, failed = (json.loads(line) for line in lines("json"))
    assert (access["event"], access["status"], access["request_id"]) == ("blåbær", 200, "abc")
    assert (access["level"], access["logger"]) == ("info", "nordlyd.access")
    assert access["timestamp"].endswith("Z")
    assert (library["event"], library["request_id"]) == ("this is odd", "abc")
    assert failed["exception"][0]["exc_value"] == "it broke"
    assert "request_id" not in failed


def test_log_on_a_terminal_is_text() -> None:
    text = lines("console")
    assert "blåbær" in text[0]
    assert "request_id=abc" in text[0]
    assert text[-1] == "ValueError: it broke"
