"""`nordlyd keys` on a data folder of its own, in this process."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.keys import app
from app.errors import InvalidRequestError


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NORDLYD_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_created_key_is_printed_alone_and_listed_without_its_secret(data: Path) -> None:
    text = run("create", "Arkivet", "--scope", "jobs,admin", "--expires", "90d")
    assert text.startswith("nl_")
    (row,) = json.loads(run("list", "--json"))
    assert (row["name"], row["status"]) == ("Arkivet", "active")
    assert row["scopes"] == ["jobs", "admin"]
    assert row["last_used_at"] is None
    assert row["expires_at"] > row["created_at"]
    # Of the last characters: a secret may have underscores.
    assert text.strip()[-20:] not in json.dumps(row)
    (line,) = run("list").splitlines()
    assert line.split("\t")[:4] == [row["id"], "Arkivet", "active", "jobs,admin"]


def test_key_has_the_default_scopes_and_no_end_unless_given(data: Path) -> None:
    made = json.loads(run("create", "Arkivet", "--json"))
    assert made["scopes"] == ["transcribe", "jobs"]
    assert made["expires_at"] is None
    assert made["key"].startswith(f"nl_{made['id']}_")


def test_key_keeps_the_quota_it_is_given(data: Path) -> None:
    run("create", "a", "--quota", "requests_per_minute=60, audio_minutes_per_day=1.5")
    run("create", "b")
    limited, unlimited = json.loads(run("list", "--json"))
    assert limited["quota"] == {"requests_per_minute": 60, "audio_minutes_per_day": 1.5}
    assert unlimited["quota"] is None


def test_revoked_key_is_listed_as_such_and_a_removed_one_is_not(data: Path) -> None:
    made = json.loads(run("create", "Arkivet", "--json"))
    run("revoke", made["id"])
    assert [row["status"] for row in json.loads(run("list", "--json"))] == ["revoked"]
    run("revoke", made["id"], "--remove")
    assert json.loads(run("list", "--json")) == []


def test_data_folder_is_readable_by_its_owner_alone(data: Path) -> None:
    run("create", "Arkivet")
    assert data.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in data.iterdir())


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("create", "a", "--scope", "root"), "transcribe, jobs, admin"),
        (("create", "a", "--scope", ""), "transcribe, jobs, admin"),
        (("create", "a", "--quota", "requests=1"), "requests_per_minute"),
        (("create", "a", "--quota", "requests_per_minute=0"), "above 0"),
        (("create", "a", "--quota", ""), "requests_per_minute"),
        (("create", "a", "--expires", "soon"), "such as 30m"),
        (("create", "a", "--expires", "0s"), "above 0"),
        (("create", " "), "printable"),
        (("revoke", "000000000000"), "nordlyd keys list"),
    ],
)
def test_wrong_argument_is_an_error_that_names_what_is_accepted(
    data: Path, arguments: tuple[str, ...], part: str
) -> None:
    with pytest.raises(InvalidRequestError, match=part):
        run(*arguments)
