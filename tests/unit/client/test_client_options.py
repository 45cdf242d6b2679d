"""The keywords of the client's calls are the options of the contract."""

from pydantic import BaseModel

from nordlyd_client import options
from nordlyd_client.contract import jobs
from nordlyd_client.contract import options as contract
from nordlyd_client.contract.stream import StreamOptions


def keywords(kind: type) -> set[str]:
    return set(kind.__required_keys__ | kind.__optional_keys__)  # type: ignore[attr-defined]


def fields(model: type[BaseModel], *, but: set[str]) -> set[str]:
    assert but <= set(model.model_fields)
    return set(model.model_fields) - but


def test_keywords_of_transcribe_are_the_fields_of_the_contract() -> None:
    expected = fields(contract.TranscribeOptions, but={"response_format"})
    assert keywords(options.TranscribeOptions) == expected


def test_keywords_of_align_are_the_fields_of_the_contract() -> None:
    expected = fields(contract.AlignOptions, but={"response_format", "text"})
    assert keywords(options.AlignOptions) == expected


def test_keywords_of_stream_are_the_fields_of_the_contract() -> None:
    samples = {"encoding", "rate", "channels"}
    expected = fields(StreamOptions, but={"session", "after", *samples})
    assert keywords(options.LiveOptions) == expected


def test_keywords_of_submit_are_the_fields_of_both_kinds_of_jobs() -> None:
    expected = fields(jobs.TranscribeJobOptions, but={"response_format"})
    expected |= fields(jobs.AlignJobOptions, but={"response_format"})
    assert keywords(options.JobOptions) == expected
