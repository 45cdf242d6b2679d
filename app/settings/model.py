"""Every setting of the service, read from the environment with the prefix NORDLYD_."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from app.bundled import catalogue_folder
from app.contract.options import (
    HOTWORD_WEIGHT,
    MAX_ALPHA,
    MAX_BEAM_WIDTH,
    MAX_BETA,
    MAX_HOTWORD_CHARACTERS,
    MAX_HOTWORD_WEIGHT,
    MAX_HOTWORDS,
    MAX_N_BEST,
    MIN_PRUNE_LOGP,
    MIN_TOKEN_LOGP,
)
from app.contract.redaction import parse_redact
from app.settings.cluster import ClusterSettings
from app.settings.jobs import JobSettings
from app.settings.limits import QuotaSettings

PREFIX = "NORDLYD_"


class Settings(QuotaSettings, ClusterSettings, JobSettings):
    """The settings of the service, with their defaults and bounds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to bind.")
    port: int = Field(8000, ge=0, le=65535, description="Port to bind; 0 picks a free one.")

    models: Annotated[list[str], NoDecode] = Field(
        ["demo-da", "demo-nb", "demo-nn"],
        description="What to load, comma-separated: catalogue ids, folders or hub ids.",
    )
    catalogue: Path = Field(catalogue_folder(), description="Folder of models/<id>/model.toml.")
    store: Path = Field(
        Path.home() / ".cache" / "nordlyd" / "models",
        description="Where pulled checkpoints are kept, one folder each.",
    )
    routes: dict[str, list[str]] | None = Field(
        None,
        description="JSON: language to model ids; the first that is loaded serves it. Replaces the "
        "priorities of the models' cards.",
    )
    target_langs: dict[str, str] = Field(
        {},
        description="JSON: model to the code of the language whose adapter and vocabulary a "
        "multilingual (MMS) checkpoint uses, where its card does not name one.",
    )
    default_language: str | None = Field(
        None,
        description="Language of a request that names neither language nor model; without it "
        "the first of the models serves such a request.",
    )

    device: Literal["auto", "cuda", "mps", "cpu"] = Field("auto", description="Where to compute.")
    dtype: Literal["auto", "float16", "bfloat16", "float32"] = Field(
        "auto", description="auto: fp16 on CUDA, bf16 on a CPU that multiplies it, else fp32."
    )
    kernels: Literal["auto", "amx", "avx512", "avx2", "neon", "torch"] = Field(
        "auto",
        description="What computes on a CPU; auto: the fastest that it runs. What it cannot run is "
        "refused.",
    )
    int8_models: Annotated[list[str], NoDecode] = Field(
        [], description="Models whose linear layers run in dynamic int8 on a CPU."
    )
    threads: int | None = Field(None, ge=1, description="Torch threads; default: all cores.")

    api_keys: Annotated[list[str], NoDecode] = Field(
        [], description="Bearer keys, comma-separated; empty means no authentication."
    )
    allow_anonymous: bool = Field(
        False, description="Allow a public bind without API keys (behind your own gateway)."
    )

    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        [],
        description="Names that requests may be for (their Host) besides loopback's, "
        "comma-separated. None given: any on a public address, loopback's alone on loopback; * for "
        "any.",
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        [],
        description="Origins of web pages elsewhere that may use the service, comma-separated, "
        "such as https://app.example.org; * for any.",
    )
    root_path: str = Field(
        "",
        pattern=r"^((/[A-Za-z0-9._~-]+)+)?$",
        description="Prefix below which a proxy serves this, such as /speech.",
    )

    connections: int | None = Field(
        None,
        ge=1,
        description="Connections at once; default: what the limit of descriptors allows, at most "
        "2000. Health has a reserve beyond it.",
    )
    max_header_kb: int = Field(64, ge=1, description="Largest head of a request, in KiB.")
    header_seconds: float = Field(
        20.0, gt=0, description="Within which a connection must have sent the head of a request."
    )
    keep_alive_seconds: float = Field(
        75.0, gt=0, description="How long a connection without a request is kept open."
    )
    upload_idle_seconds: float = Field(
        30.0, gt=0, description="Over so many seconds an upload must keep upload_min_rate."
    )
    upload_min_rate: float = Field(
        1000.0, ge=0, description="Bytes per second below which an upload is ended."
    )

    max_upload_mb: float = Field(2048, gt=0, description="Largest accepted body, in MiB.")
    max_batch_files: int = Field(
        1000, ge=1, description="Files that one call may bring; their sum is one body."
    )
    url_hosts: Annotated[list[str], NoDecode] = Field(
        [],
        description="Hosts that callers may have audio fetched from, comma-separated; empty means "
        "none.",
    )
    url_max_mb: float | None = Field(
        None, gt=0, description="Largest recording fetched, in MiB; default: max_upload_mb."
    )
    url_timeout: float = Field(
        300.0, gt=0, description="Seconds that fetching a recording may take in all."
    )
    max_audio_seconds: float = Field(
        4 * 3600, gt=0, description="Longest accepted audio, after decoding, with its pauses."
    )
    max_channels: int = Field(
        64, ge=1, le=64, description="Most channels of the track of a recording that is read."
    )
    max_tracks: int = Field(
        64, ge=1, le=1_000, description="Most tracks of a recording, of all kinds together."
    )
    max_edits: int = Field(
        1_000, ge=1, description="Most entries in the edit lists of an MP4 file."
    )
    max_gap_seconds: float = Field(
        3_600.0, gt=0, description="Longest pause that the clock of a recording may have."
    )
    window_seconds: float = Field(
        24.0, gt=4, le=120, description="Length of one window of long audio, with its context."
    )
    context_seconds: float = Field(
        2.0, ge=1.3, description="Context on each side of a window, computed and dropped."
    )

    max_queue_seconds: float = Field(
        4 * 3600,
        gt=0,
        description="Audio seconds that may wait, each caller's up to its share; above it "
        "requests get a 429.",
    )
    caller_share: float = Field(
        0.5, gt=0, le=1, description="The part of the queue that one caller may fill."
    )
    max_wait_seconds: float = Field(
        30.0,
        gt=0,
        description="A request without a timeout whose answer is expected later gets a 429 "
        "before it is read.",
    )
    batch_seconds: float | None = Field(
        None, gt=0, description="Padded seconds in one batch; default: found at warm-up."
    )
    hang_seconds: float = Field(
        60.0, gt=0, description="A batch running longer than this turns readiness false."
    )
    drain_seconds: float = Field(
        30.0, ge=0, description="After SIGTERM, how long running requests may take to finish."
    )
    media_workers: int = Field(
        2, ge=1, description="Recordings that are decoded at once, each by a process of its own."
    )
    media_memory_mb: float = Field(
        512, ge=32, description="Memory that one of these processes may take, in MiB."
    )
    media_seconds: float = Field(
        30.0,
        gt=0,
        description="Processor seconds that decoding a recording may take, and a tenth of its "
        "length besides.",
    )
    decoded_mb: float = Field(
        1024,
        ge=64,
        description="Decoded audio kept in memory at once, in MiB; one caller may hold half of it "
        "while others hold some.",
    )
    spool_mb: float = Field(
        16384,
        ge=64,
        description="Uploads and decoded audio kept on disk at once, in MiB; one caller may hold "
        "half of it while others hold some.",
    )
    decode_workers: int | None = Field(
        None,
        ge=1,
        description="Threads that decode text, processes where the decoder needs them; "
        "default: all cores.",
    )
    decode_jobs: int = Field(
        64,
        ge=1,
        description="Texts that those threads decode by turns; more wait until one has ended.",
    )
    decoder: Literal["auto", "native", "ctc-beam-decoder", "pyctcdecode"] = Field(
        "auto", description="What searches the beam; auto: the first of these that is installed."
    )
    # Bounds of the options of a search. None can be below the option's default, so that a request
    # without the option is always accepted, nor above what the search is proven for.
    max_beam_width: int = Field(
        MAX_BEAM_WIDTH, ge=100, le=MAX_BEAM_WIDTH, description="Largest beam_width of a request."
    )
    max_n_best: int = Field(
        MAX_N_BEST, ge=1, le=MAX_N_BEST, description="Most alternatives of a request."
    )
    max_hotwords: int = Field(
        MAX_HOTWORDS, ge=0, le=MAX_HOTWORDS, description="Most hotwords of a request."
    )
    max_hotword_characters: int = Field(
        MAX_HOTWORD_CHARACTERS, ge=1, le=MAX_HOTWORD_CHARACTERS, description="Longest hotword."
    )
    max_hotword_weight: float = Field(
        MAX_HOTWORD_WEIGHT,
        ge=HOTWORD_WEIGHT,
        le=MAX_HOTWORD_WEIGHT,
        description="Largest weight of a hotword, of either sign.",
    )
    max_alpha: float = Field(
        MAX_ALPHA, ge=0, le=MAX_ALPHA, description="Largest alpha of a request, of either sign."
    )
    max_beta: float = Field(
        MAX_BETA, ge=0, le=MAX_BETA, description="Largest beta of a request, of either sign."
    )
    min_prune_logp: float = Field(
        MIN_PRUNE_LOGP, ge=MIN_PRUNE_LOGP, le=-10, description="Lowest prune_logp of a request."
    )
    min_token_logp: float = Field(
        MIN_TOKEN_LOGP, ge=MIN_TOKEN_LOGP, le=-5, description="Lowest min_token_logp of a request."
    )
    profanities: Path | None = Field(
        None,
        description="File of words that mask_profanities masks, instead of our own lists: a word "
        "a line, * at its end for any ending.",
    )
    redact: str | None = Field(
        None,
        description="What is masked in every transcript, besides what its request masks, "
        "comma-separated: national-id, phone, card, email, names, or all.",
    )
    redact_names: Path | None = Field(
        None,
        description="File of names that redact=names masks besides a request's: a name a line.",
    )

    live_streams: int = Field(32, ge=0, description="Live streams at once; more get a 429.")
    live_keep_seconds: float = Field(
        60.0, ge=0, description="How long a live stream whose connection broke is kept."
    )
    live_idle_seconds: float = Field(
        300.0, gt=0, description="A live stream without audio for so long is ended."
    )
    live_min_share: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Share of real time that a live stream's audio must make up over "
        "live_idle_seconds.",
    )
    live_message_seconds: float = Field(
        600.0, gt=0, description="Most audio in one message of a live protocol."
    )

    max_render_mb: float = Field(
        16.0, gt=0, description="Largest transcript that a request may send, in MiB."
    )
    render_seconds: float = Field(
        30.0, gt=0, description="Longest that writing a transcript in /render may take."
    )
    render_workers: int = Field(1, ge=1, description="Processes that /render writes in.")

    vosk_port: int | None = Field(
        None, ge=0, le=65535, description="Port for vosk's clients; unset: off, 0: a free one."
    )
    wyoming_port: int | None = Field(
        None, ge=0, le=65535, description="Port for Wyoming clients; unset: off, 0: a free one."
    )

    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, JSON lines otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("redact")
    @classmethod
    def _check_redact(cls, value: str | None) -> str | None:
        parse_redact(value)
        return value

    @field_validator(
        "models",
        "int8_models",
        "api_keys",
        "url_hosts",
        "watch_formats",
        "allowed_hosts",
        "cors_origins",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value
