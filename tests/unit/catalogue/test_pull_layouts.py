"""Pulling and finding checkpoints in shards, and of many languages."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_server import HubServer, contents

from app.catalogue import HubOptions, ModelCard, ResolvedModel, locate, missing_files, pull
from app.errors import ConfigurationError

CARD = ModelCard(id="model", hub="org/model", licence="unknown")
RESOLVED = ResolvedModel("model", None, CARD, "hub")


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_shards_are_pulled_with_their_index(
    hub: HubServer, options: HubOptions, store: Path, suffix: str
) -> None:
    stem = {"safetensors": "model", "bin": "pytorch_model"}[suffix]
    names = [f"{stem}-0000{number}-of-00002.{suffix}" for number in (1, 2)]
    del hub.files["model.safetensors"]
    del hub.files["pytorch_model.bin"]
    hub.files |= {name: name.encode() * 1000 for name in names}
    places = json.dumps({"weight_map": dict(zip("ab", names, strict=True))}).encode()
    hub.files[f"{stem}.{suffix}.index.json"] = places
    # Neither other frameworks' shards nor other precisions are served.
    hub.files |= {"tf_model-00001-of-00002.h5": b"tf", f"{stem}.fp16-1-of-2.{suffix}": b"half"}
    folder = pull(CARD, store, options=options)
    assert {*names, f"{stem}.{suffix}.index.json"} <= contents(folder).keys()
    assert not {name for name in contents(folder) if "tf_" in name or "fp16" in name}
    assert locate(RESOLVED, store, allow_pull=False, options=options) == folder
    (folder / names[1]).unlink()
    assert missing_files(folder) == (names[1],)


def test_single_weights_file_is_preferred_to_shards(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    hub.files["model.safetensors.index.json"] = b'{"weight_map": {"a": "model-1-of-1.safetensors"}}'
    hub.files["model-1-of-1.safetensors"] = b"shard"
    assert not {name for name in contents(pull(CARD, store, options=options)) if "-of-" in name}


def test_repository_with_a_missing_shard_is_refused_and_incomplete(
    hub: HubServer, options: HubOptions, store: Path
) -> None:
    del hub.files["model.safetensors"]
    hub.files["model.safetensors.index.json"] = b'{"weight_map": {"a": "model-1-of-1.safetensors"}}'
    with pytest.raises(ConfigurationError, match=r"it lacks model-1-of-1\.safetensors"):
        pull(CARD, store, options=options)
    with pytest.raises(ConfigurationError, match="missing"):
        locate(RESOLVED, store, allow_pull=False, options=options)


def test_missing_shard_of_a_folder_is_named(
    tmp_path: Path, make_checkpoint: Callable[[Path], Path]
) -> None:
    folder = make_checkpoint(tmp_path / "mine")
    (folder / "pytorch_model.bin").unlink()
    assert missing_files(folder) == ("model.safetensors or pytorch_model.bin",)
    places = {"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(places))
    (folder / "model-1-of-2.safetensors").write_bytes(b"shard")
    assert missing_files(folder) == ("model-2-of-2.safetensors",)


@pytest.fixture
def multilingual(hub: HubServer) -> HubServer:
    """The hub's repository with adapters of four languages."""
    adapters = ("adapter.nob.safetensors", "adapter.nob.bin", "adapter.dan.bin", "adapter.deu.bin")
    hub.files |= {name: name.encode() * 100 for name in adapters}
    return hub


def of_language(code: str | None) -> ModelCard:
    return CARD.model_copy(update={"target_lang": code})


def adapters_in(folder: Path) -> set[str]:
    return {name for name in contents(folder) if name.startswith("adapter.")}


def test_only_the_adapter_of_the_card_s_language_is_pulled(
    multilingual: HubServer, options: HubOptions, store: Path
) -> None:
    folder = pull(of_language("nob"), store, options=options)
    assert adapters_in(folder) == {"adapter.nob.safetensors"}


def test_adapter_is_pulled_once_the_card_has_a_language(
    multilingual: HubServer, options: HubOptions, store: Path
) -> None:
    folder = pull(CARD, store, options=options)
    assert adapters_in(folder) == set()
    resolved = ResolvedModel("model", None, of_language("dan"), "hub")
    with pytest.raises(ConfigurationError, match=r"missing adapter\.dan\.safetensors"):
        locate(resolved, store, allow_pull=False, options=options)
    del multilingual.requests[:]
    assert locate(resolved, store, allow_pull=True, options=options) == folder
    assert "adapter.dan.bin" in multilingual.fetched()
    assert "model.safetensors" not in multilingual.fetched()
    assert adapters_in(folder) == {"adapter.dan.bin"}
    del multilingual.requests[:]
    assert locate(resolved, store, allow_pull=True, options=options) == folder
    assert multilingual.requests == []


def test_target_lang_without_an_adapter_is_refused_before_the_download(
    multilingual: HubServer, options: HubOptions, store: Path
) -> None:
    with pytest.raises(ConfigurationError, match="no adapter for target_lang 'dex'; it has 4") as e:
        pull(of_language("dex"), store, options=options)
    assert "near by: deu" in e.value.message
    assert multilingual.fetched() == []
