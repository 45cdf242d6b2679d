"""Language model folders: ours, pyctcdecode's, and transformers' of 2022 and today."""

import json
import shutil
from pathlib import Path

import pytest
from emitted import FRAME, LETTERS, VOCABULARY, emit
from ngrams import SENTENCES, write_language_model

from app.decoding import BeamDecoder, LanguageModel, ModelDecoders, load_language_model
from app.errors import ConfigurationError
from app.vocabulary import Vocabulary

DATA = Path(__file__).resolve().parents[2] / "data" / "kenlm"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_language_model(
        tmp_path / "made", attributes={"alpha": 0.7, "score_boundary": False}
    )


def saved_by_pyctcdecode(source: Path, target: Path) -> Path:
    """What `save_to_dir` writes: alphabet.json, and language_model/ beside it."""
    from pyctcdecode import build_ctcdecoder

    labels = ["" if token == "[PAD]" else token for token in VOCABULARY.tokens]
    words = (source / "unigrams.txt").read_text("utf-8").split()
    decoder = build_ctcdecoder(labels, str(source / "3gram.arpa"), words, 0.7, 1.0, -10.0, False)
    target.mkdir()
    decoder.save_to_dir(str(target))
    return target / "language_model"


def best_score(model: LanguageModel) -> float:
    emissions = emit("det er en god dag", doubt=0.5)
    decoder = BeamDecoder(VOCABULARY, language_model=model)
    return decoder.decode(emissions, frame_seconds=FRAME, duration=5.0).score


def test_attributes_and_words_are_read(folder: Path) -> None:
    model = load_language_model(folder)
    assert (model.alpha, model.beta, model.unk_score_offset) == (0.7, 1.0, -10.0)
    assert not model.score_boundary
    assert model.order == 3
    assert model.unigrams == {word for sentence in SENTENCES for word in sentence.split()}


@pytest.mark.pyctcdecode
def test_folder_written_by_pyctcdecode_gives_the_same_texts(folder: Path, tmp_path: Path) -> None:
    saved = saved_by_pyctcdecode(folder, tmp_path / "saved")
    assert sorted(path.name for path in saved.iterdir()) == [
        "3gram.arpa", "attrs.json", "unigrams.txt",
    ]  # fmt: skip
    assert best_score(load_language_model(saved)) == best_score(load_language_model(folder))


@pytest.mark.pyctcdecode
def test_folder_written_by_transformers_gives_the_same_texts(folder: Path, tmp_path: Path) -> None:
    from pyctcdecode import BeamSearchDecoderCTC
    from transformers import (
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ProcessorWithLM,
    )

    saved_by_pyctcdecode(folder, tmp_path / "saved")
    vocabulary = tmp_path / "vocab.json"
    vocabulary.write_text(
        json.dumps({token: index for index, token in enumerate(VOCABULARY.tokens)})
    )
    tokenizer = Wav2Vec2CTCTokenizer(
        str(vocabulary), pad_token="[PAD]", unk_token="[UNK]", word_delimiter_token="|",
        bos_token=None, eos_token=None,
    )  # fmt: skip
    processor = Wav2Vec2ProcessorWithLM(
        Wav2Vec2FeatureExtractor(),
        tokenizer,
        BeamSearchDecoderCTC.load_from_dir(str(tmp_path / "saved")),
    )
    processor.save_pretrained(tmp_path / "model")
    written = tmp_path / "model" / "language_model"
    assert best_score(load_language_model(written)) == best_score(load_language_model(folder))
    # As repositories of 2022 have it: another name, Windows line ends, numbers without a point.
    (written / "3gram.arpa").rename(written / "5gram.arpa")
    words = (written / "unigrams.txt").read_text("utf-8")
    (written / "unigrams.txt").write_bytes(words.replace("\n", "\r\n").encode())
    attributes = json.loads((written / "attrs.json").read_text()) | {"beta": 1}
    (written / "attrs.json").write_text(json.dumps(attributes))
    assert best_score(load_language_model(written)) == best_score(load_language_model(folder))


def test_folder_without_attributes_or_words_takes_defaults(folder: Path) -> None:
    (folder / "attrs.json").unlink()
    (folder / "unigrams.txt").unlink()
    model = load_language_model(folder, {"alpha": 0.3})
    assert (model.alpha, model.beta, model.unk_score_offset) == (0.3, 1.5, -10.0)
    assert model.unigrams is None
    emissions = emit("det er en god dag")
    found = BeamDecoder(VOCABULARY, language_model=model).decode(
        emissions, frame_seconds=FRAME, duration=5.0
    )
    assert found.text == "det er en god dag"


def test_vocabulary_lacking_some_letters_of_the_words_is_accepted(folder: Path) -> None:
    assert set("ø") < set(LETTERS)
    model = load_language_model(write_language_model(folder / "more", ["čeština ňu", "han leser"]))
    emissions = emit("han leser")
    found = BeamDecoder(VOCABULARY, language_model=model).decode(
        emissions, frame_seconds=FRAME, duration=5.0
    )
    assert found.text == "han leser"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shutil.rmtree, "no language model folder"),
        (lambda folder: (folder / "3gram.arpa").unlink(), "found: none"),
        (lambda folder: (folder / "a.bin").touch(), "found: 3gram.arpa, a.bin"),
        (lambda folder: (folder / "3gram.arpa").write_text("no model"), "is no KenLM model"),
        (lambda folder: (folder / "attrs.json").write_text("{"), "is not JSON"),
        (lambda folder: (folder / "attrs.json").write_text("[]"), "must hold an object"),
        (lambda folder: (folder / "attrs.json").write_text('{"alpha": "x"}'), "alpha is 'x'"),
        (lambda folder: (folder / "unigrams.txt").write_bytes(b"\xff\xfe"), "is not UTF-8"),
    ],
)
def test_invalid_folder_is_named_in_the_error(folder: Path, spoil, message: str) -> None:
    spoil(folder)
    with pytest.raises(ConfigurationError) as caught:
        load_language_model(folder)
    assert message in caught.value.message
    assert str(folder) in caught.value.message


UPPER = tuple(sentence.upper() for sentence in SENTENCES)


@pytest.mark.parametrize("listed", [True, False], ids=["with a list of words", "without"])
@pytest.mark.parametrize(
    ("sentences", "message"),
    [(UPPER, "lower case"), (("мы едем в осло", "это хороший день"), "spell no word")],
)
def test_language_model_whose_words_no_token_spells_is_refused(
    tmp_path: Path, sentences: tuple[str, ...], message: str, listed: bool
) -> None:
    folder = write_language_model(tmp_path / "language_model", sentences)
    if not listed:
        (folder / "unigrams.txt").unlink()
    with pytest.raises(ConfigurationError, match=message) as caught:
        ModelDecoders(VOCABULARY, [tmp_path])
    assert str(folder) in caught.value.message
    assert any(f"{word}, " in caught.value.message for line in sentences for word in line.split())


def test_words_of_a_binary_file_are_checked_too(tmp_path: Path) -> None:
    """KenLM keeps them at the end of the file."""
    folder = tmp_path / "language_model"
    folder.mkdir()
    shutil.copy(DATA / "trie.bin", folder / "4gram.bin")
    assert ModelDecoders(VOCABULARY, [tmp_path]).language_models == ("default",)
    upper = Vocabulary(
        ("[PAD]", "|", *LETTERS.upper()), blank=0, delimiter=1, special=frozenset({0})
    )
    with pytest.raises(ConfigurationError, match="upper case"):
        ModelDecoders(upper, [tmp_path])
