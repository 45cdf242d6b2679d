"""Corrected transcripts on a real server: put in place of a result, kept, exported and erased."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo_model import DEMO, sample_texts
from running import NORDLYD, RunningServer, environment
from test_http_refusals import assert_error
from test_jobs_erasure import audit, kept_in, serving, until

from nordlyd_client import Client
from trainer.data import read_split

SAMPLES = sorted((DEMO / "samples").glob("*.flac"))
_NAME = "navnet-på-et-opptak.flac"
_WRITTEN = "Kvernsteinen"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corrections")


@pytest.fixture(scope="module")
def keeping(folder: Path) -> Iterator[RunningServer]:
    """A server that keeps corrections for training, with two keys."""
    settings = {
        "MODELS": "demo-nb",
        "KEEP_AUDIO": "1h",
        "KEEP_CORRECTIONS": "forever",
        "API_KEYS": "mine,theirs",
    }
    running = RunningServer(folder, settings)
    yield running.wait_ready()
    assert running.stop() == 0


@pytest.fixture
def mine(keeping: RunningServer) -> Iterator[httpx.Client]:
    """A client of the server; no job is left at the end."""
    with keeping.client(headers={"authorization": "Bearer mine"}) as client:
        yield client
        for job in client.get("/jobs?limit=100").json()["jobs"]:
            assert client.delete(f"/jobs/{job['id']}").status_code == 204


def completed(client: httpx.Client, sample: Path = SAMPLES[0], **fields: str) -> str:
    """Hands in a recording; returns the path of its result once it is there."""
    form = {"language": "nb"} | fields
    answer = client.post("/jobs", files={"file": (_NAME, sample.read_bytes())}, data=form)
    assert answer.status_code == 202, answer.text
    job = client.get(f"/jobs/{answer.json()['id']}?wait=60").json()
    assert job["status"] == "completed", job
    return f"/jobs/{job['id']}/result"


def put(client: httpx.Client, url: str, body: str, kind: str = "text/plain", **headers: str) -> Any:
    given = {"content-type": kind} | headers
    return client.put(url, content=body.encode(), headers=given)


def corrections(folder: Path, *arguments: str | Path) -> str:
    """What `nordlyd corrections` prints on the machine of the server."""
    ended = subprocess.run(
        [NORDLYD, "corrections", *arguments], env=environment({"DATA": str(folder / "data")}),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def export(folder: Path, output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(corrections(folder, "export", output, "--json"))
    return found


def lines(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for manifest in sorted(folder.glob("*.jsonl"))
        for line in manifest.read_text("utf-8").splitlines()
    ]


def test_corrected_text_is_answered_in_every_format_with_the_times_of_before(
    mine: httpx.Client,
) -> None:
    url = completed(mine)
    before = mine.get(url).json()
    first, *rest = sample_texts()[0].split()
    text = " ".join([_WRITTEN, *rest])
    answer = put(mine, url, f"{text}\n")
    assert answer.status_code == 200, answer.text
    assert answer.json()["training"] is False
    assert answer.json()["corrected_at"] > answer.json()["completed_at"]
    after = mine.get(url).json()
    assert (before["words"][0]["word"], after["words"][0]["word"]) == (first, _WRITTEN)
    assert [(word["start"], word["end"]) for word in after["words"]] == [
        (word["start"], word["end"]) for word in before["words"]
    ]
    assert after["text"] == text
    assert after["model"] == "demo-nb"
    assert mine.get(url, params={"response_format": "text"}).text == f"{text}\n"
    subtitles = mine.get(url, params={"response_format": "srt"}).text
    assert put(mine, url, subtitles, "application/x-subrip").status_code == 200
    assert mine.get(url).json()["text"] == text
    after["words"][0]["word"] = first
    for name in ("text", "segments"):
        del after[name]
    assert put(mine, url, json.dumps(after), "application/json").status_code == 200
    assert mine.get(url).json()["text"] == sample_texts()[0]
    [job] = mine.get("/jobs").json()["jobs"]
    assert job["corrected_at"] is not None


def test_if_match_replaces_only_the_result_that_was_read(mine: httpx.Client) -> None:
    url = completed(mine)
    read = mine.get(url).headers["etag"]
    first = put(mine, url, "en rettelse", **{"if-match": read})
    assert first.status_code == 200
    assert first.headers["etag"] == mine.get(url).headers["etag"] != read
    late = put(mine, url, "en annen", **{"if-match": read})
    assert_error(late, 412, code="result_changed", param="If-Match")
    assert mine.get(url).json()["text"] == "en rettelse"
    assert put(mine, url, "en annen", **{"if-match": f'"x", {first.headers["etag"]}'}).is_success
    assert put(mine, url, "en tredje", **{"if-match": "*"}).is_success


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        ("", "text/plain", "there is no text in it"),
        ("tekst", "text/vtt", "there are no subtitles; accepted: SubRip"),
        ("{}", "application/json", "words: Field required"),
        ("tekst", "text/html", "accepted: application/json, text/plain"),
    ],
)
def test_body_that_is_no_transcript_is_refused(
    mine: httpx.Client, body: str, kind: str, reason: str
) -> None:
    url = completed(mine)
    param = "Content-Type" if kind == "text/html" else "body"
    answer = put(mine, url, body, kind)
    assert reason in assert_error(answer, 400, code="invalid_request", param=param)
    assert put(mine, f"{url}?training=maybe", "tekst").status_code == 400


def test_only_the_owner_corrects_a_completed_transcription(
    mine: httpx.Client, keeping: RunningServer
) -> None:
    url = completed(mine)
    with keeping.client(headers={"authorization": "Bearer theirs"}) as other:
        assert_error(put(other, url, "tekst"), 404, code="job_not_found", param="id")
    alignment = completed(mine, text=sample_texts()[0])
    assert_error(put(mine, alignment, "tekst"), 400, code="invalid_request", param="id")


def test_operator_who_keeps_no_corrections_refuses_training_and_takes_the_correction(
    client: httpx.Client, clip: Any
) -> None:
    job = client.post("/jobs", content=clip()).json()
    client.get(f"/jobs/{job['id']}?wait=60")
    url = f"/jobs/{job['id']}/result"
    refused = put(client, f"{url}?training=true", "en rettelse")
    assert_error(refused, 409, code="correction_not_kept", param="training")
    assert put(client, url, "en rettelse").status_code == 200
    assert client.get(url).json()["text"] == "en rettelse"
    assert client.get("/health").json()["keeps_corrections"] is False


def test_masked_transcript_and_several_channels_are_not_kept_for_training(
    mine: httpx.Client,
) -> None:
    for fields in ({"redact": "phone"}, {"channels": "separate"}):
        url = completed(mine, **fields)
        refused = put(mine, f"{url}?training=true", "en rettelse")
        assert_error(refused, 409, code="correction_not_kept", param="training")
        assert mine.get(url).headers["etag"] == '"recognised"'


def test_corrections_are_exported_for_the_trainer_and_erased_with_their_jobs(
    mine: httpx.Client, keeping: RunningServer, folder: Path, tmp_path: Path
) -> None:
    with Client(keeping.address, "mine") as client:
        jobs = [client.jobs.submit(sample, language="nb") for sample in SAMPLES]
        for number, job in enumerate(jobs):
            assert client.jobs.wait(job.id, timeout=60).status == "completed"
            text = " ".join([_WRITTEN, *sample_texts()[number].split()[1:]])
            assert client.jobs.correct(job.id, text, training=True).training
        without = client.jobs.submit(SAMPLES[0], language="nb")
        client.jobs.wait(without.id, timeout=60)
        client.jobs.correct(without.id, "uten samtykke")
    output = tmp_path / "data"
    exported = export(folder, output)
    assert {name: split["recordings"] for name, split in exported["splits"].items()} == {
        "train": 1, "valid": 1, "test": 1,
    }  # fmt: skip
    assert exported["left_out"] == []
    found = lines(output)
    assert sorted({line["text"].split()[0] for line in found if line["changed"]}) == [_WRITTEN]
    for split in ("train", "valid", "test"):
        own = [json.loads(line) for line in (output / f"{split}.jsonl").read_text().splitlines()]
        assert [line["confidence"] for line in own] == sorted(line["confidence"] for line in own)
        for record in read_split(output, split):
            assert len(record.audio.waveform()) == pytest.approx(record.seconds * 16_000, abs=1)
    assert audit(folder).count(("exported", jobs[0].id)) == 1
    assert ("training_allowed", jobs[0].id) in audit(folder)
    assert ("exported", without.id) not in audit(folder)

    listed = corrections(folder, "list", "--json", "--limit", "2")
    least_sure = sorted(found, key=lambda line: line["confidence"])[:2]
    shared = ("start", "confidence", "changed")
    assert [
        (line["job"], *(line[name] for name in shared))
        for line in map(json.loads, listed.splitlines())
    ] == [(Path(line["audio"]).stem, *(line[name] for name in shared)) for line in least_sure]
    shown = corrections(folder, "list").splitlines()
    assert len(shown) == len(found)
    assert shown[0].startswith(f"{least_sure[0]['confidence']:.2f}  job_")
    assert [line.endswith("corrected") for line in shown].count(True) == 3

    withdrawn = put(mine, f"/jobs/{jobs[1].id}/result?training=false", "en rettelse")
    assert (withdrawn.json()["training"], withdrawn.json()["expires_at"] is None) == (False, False)
    needles = [_WRITTEN.encode(), b"uten samtykke", SAMPLES[0].read_bytes()[5000:5064]]
    assert set(kept_in(folder / "data", needles)) == set(map(repr, needles))
    for job in (*jobs, without):
        assert mine.delete(f"/jobs/{job.id}").status_code == 204
    assert kept_in(folder, needles) == {}
    assert export(folder, output)["splits"] == {}
    assert [path for path in output.rglob("*") if path.is_file()] == []


def test_recording_of_a_correction_for_training_outlives_the_rule_of_recordings(
    tmp_path: Path,
) -> None:
    rules = {"KEEP_AUDIO": "6s", "KEEP_RESULTS": "1h", "KEEP_CORRECTIONS": "forever"}
    with serving(tmp_path, {"MODELS": "demo-nb"}, **rules) as (_, client):
        agreed = completed(client)
        answer = put(client, f"{agreed}?training=true", "en rettelse")
        assert answer.json()["training"] is True, answer.text
        assert answer.json()["expires_at"] is None
        other = completed(client)
        until(lambda: ("audio_expired", other.split("/")[2]) in audit(tmp_path))
        assert ("audio_expired", agreed.split("/")[2]) not in audit(tmp_path)
        refused = put(client, f"{other}?training=true", "en rettelse")
        message = assert_error(refused, 409, code="correction_not_kept", param="training")
        assert "erased already" in message
        assert client.get(other).headers["etag"] == '"recognised"'
        assert put(client, f"{agreed}?training=false", "en rettelse").is_success
        until(lambda: ("audio_expired", agreed.split("/")[2]) in audit(tmp_path))
    assert export(tmp_path, tmp_path / "out")["splits"] == {}


def test_command_line_corrects_and_explains_a_file_that_is_none(
    mine: httpx.Client, keeping: RunningServer, tmp_path: Path
) -> None:
    url = completed(mine)
    job_id = url.split("/")[2]

    def nordlyd(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [NORDLYD, "jobs", "correct", job_id, *arguments],
            env=environment({"SERVER": keeping.address, "API_KEY": "mine"}), cwd=tmp_path,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    subtitles = mine.get(url, params={"response_format": "vtt"}).text
    first = sample_texts()[0].split()[0]
    (tmp_path / "a.vtt").write_text(subtitles.replace(first, _WRITTEN, 1), "utf-8")
    (tmp_path / "a.docx").write_bytes(b"PK")
    done = nordlyd("a.vtt", "--training", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["training"] is True
    assert mine.get(url).json()["words"][0]["word"] == _WRITTEN
    assert nordlyd("a.vtt").stdout == f"corrected: {job_id}, kept for training\n"
    assert "ends in .json, .txt, .srt, .vtt" in nordlyd("a.docx").stderr
    assert "missing.txt: cannot be read" in nordlyd("missing.txt").stderr
