"""The shape of every recipe: one frozen value a table of the TOML file, units in the docstrings."""

from dataclasses import dataclass
from typing import Literal

from app.text import Mode

Optimiser = Literal["adamw", "adamw8bit", "adafactor"]


@dataclass(frozen=True, slots=True)
class TextRecipe:
    """Where sentences come from and which are kept.

    `locales` are folder names below which message catalogues and pages count as this
    language; `function_words` are words of which a sentence must hold at least one.
    `translate_from` names a recipe whose training sentences, translated, are added to this
    one's; without it there are none.
    """

    packages: tuple[str, ...]
    locales: tuple[str, ...]
    normalisation: Mode
    min_words: int
    max_words: int
    max_word_letters: int
    function_words: tuple[str, ...]
    foreign_words: tuple[str, ...]
    valid_share: float
    test_share: float
    translate_from: str | None


@dataclass(frozen=True, slots=True)
class SynthesisRecipe:
    """How sentences are spoken and what happens to the speech on its way to the microphone.

    Rates are in words a minute, pitch is 0..100, gains and ratios are in dB; shares are the
    part of the utterances that something happens to. `train_rate` is the rate in training where it
    is another one; `everyday_share` is the part of the training sentences that a grammar makes;
    `kokoro_share` and `piper_share` are the parts that voices of Kokoro and of Piper speak, where
    `voices` has them.
    """

    voice: str
    train_variants: tuple[str, ...]
    valid_variants: tuple[str, ...]
    test_variants: tuple[str, ...]
    rate: tuple[int, int]
    pitch: tuple[int, int]
    gain_db: tuple[float, float]
    noise_share: float
    noise_snr_db: tuple[float, float]
    room_share: float
    room_seconds: tuple[float, float]
    band_share: float
    codec_share: float
    speed_share: float
    speed: tuple[float, float]
    silence_seconds: tuple[float, float]
    max_seconds: float
    train_sentences: int
    valid_sentences: int
    test_sentences: int
    number_share: float
    everyday_share: float | None
    train_rate: tuple[int, int] | None
    voices: Literal["espeak", "espeak+kokoro", "espeak+piper", "espeak+kokoro+piper"] = "espeak"
    kokoro_share: float = 0.0
    piper_share: float = 0.0


@dataclass(frozen=True, slots=True)
class DataRecipe:
    """Which speech each split is made of, and which of it is kept.

    `train`, `valid` and `test` name sources and their splits, such as `npsc-nynorsk/train`.
    `train_samples` and `train_seconds` are what is left of the training split after the
    filters: what `plan` computes with before there are data. Lengths are in seconds.
    """

    train: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]
    normalisation: Mode
    min_letters: int
    min_seconds: float
    max_seconds: float
    train_samples: int
    train_seconds: float


@dataclass(frozen=True, slots=True)
class ModelRecipe:
    """The shape and the regularisation of a wav2vec2 CTC model.

    `init` is `random` or the hub id of the weights to start from; `fallbacks` are tried in
    turn where that is gone. `vocabulary_size` counts the special tokens; lengths of `mask_*`
    are in frames and features, `mask_time_min_masks` is the least number of them in time.
    The loss is a mean over all tokens of an update, or over its utterances of the mean over
    their tokens (`loss_per`).
    """

    init: str
    fallbacks: tuple[str, ...]
    vocabulary_size: int
    conv_dim: tuple[int, ...]
    conv_kernel: tuple[int, ...]
    conv_stride: tuple[int, ...]
    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    position_kernel: int
    position_groups: int
    hidden_dropout: float
    attention_dropout: float
    activation_dropout: float
    feat_proj_dropout: float
    final_dropout: float
    layerdrop: float
    mask_time_prob: float
    mask_time_length: int
    mask_time_min_masks: int
    mask_feature_prob: float
    mask_feature_length: int
    zero_infinity: bool
    loss_per: Literal["token", "utterance"]
    freeze_feature_encoder: bool
    gradient_checkpointing: bool


@dataclass(frozen=True, slots=True)
class AdaptationRecipe:
    """How weights that already transcribe are trained further, and in how much memory.

    `keep_vocabulary` keeps the tokens of the model and adds the letters that it lacks. `optimiser`
    is `adamw`, with two states a weight, `adamw8bit`, with states of a byte each (Dettmers et al.
    2022, arXiv:2110.02861), or `adafactor` (Shazeer & Stern 2018, arXiv:1804.04235), with a state a
    row and a column of each matrix; its rates are relative to the size of the weights.
    `lora_rank` above 0 trains matrices of that rank beside those of the layers, and the head (LoRA,
    Hu et al. 2021, arXiv:2106.09685); their product counts `lora_alpha / lora_rank` times.
    """

    keep_vocabulary: bool
    optimiser: Optimiser
    lora_rank: int
    lora_alpha: float


@dataclass(frozen=True, slots=True)
class AugmentationRecipe:
    """What is done to a waveform each time it is read in training; shares are probabilities."""

    speed_share: float
    speed: tuple[float, float]
    noise_share: float
    noise_snr_db: tuple[float, float]


@dataclass(frozen=True, slots=True)
class TrainingRecipe:
    """Optimiser, schedule and batches.

    Either `epochs` or `steps` is the length, the other is 0. Batches hold either
    `device_batch` utterances or up to `batch_seconds` of padded audio; the other is 0.
    `schedule` is `linear` (down to `final_learning_rate`) or `plateau` (constant, then linear
    over the last `decay_steps`). `precision` is fp16, bf16, fp32 or auto (fp16 on CUDA, bf16
    on a CPU that has it, else fp32). `select` is `last` or `validation`; of the checkpoints
    kept, the last `average_checkpoints` are averaged. `early_stop_evaluations` without a
    better WER end the training, never before step 1,500; 0 means never.
    """

    epochs: float
    steps: int
    schedule: Literal["linear", "plateau"]
    warmup_steps: int
    decay_steps: int
    learning_rate: float
    final_learning_rate: float
    betas: tuple[float, float]
    epsilon: float
    weight_decay: float
    max_grad_norm: float
    device_batch: int
    batch_seconds: float
    accumulation: int
    join_seconds: tuple[float, ...]
    join_from_step: int
    sorted_epochs: int
    precision: Literal["fp16", "bf16", "fp32", "auto"]
    log_every: int
    evaluate_every: int
    evaluate_utterances: int
    keep_checkpoints: int
    select: Literal["last", "validation"]
    average_checkpoints: int
    early_stop_evaluations: int


@dataclass(frozen=True, slots=True)
class MixtureRecipe:
    """What a language model of text is mixed with: made-up everyday sentences, frequent words.

    The shares are the weights of those two; `max_ngrams` is about how many n-grams of two words
    and more the pruned mixture keeps.
    """

    everyday_sentences: int
    everyday_share: float
    frequent_words: int
    frequent_words_share: float
    max_ngrams: int


@dataclass(frozen=True, slots=True)
class LanguageModelRecipe:
    """An n-gram model: `prune` holds KenLM's count thresholds, one for each order.

    `sources` are `sentences` (the training sentences of [text]), `transcripts` (those of the
    training split) or paths of text files; `alphas` and `betas` are the grid of `tune`.
    """

    sources: tuple[str, ...]
    order: int
    prune: tuple[int, ...]
    alphas: tuple[float, ...]
    betas: tuple[float, ...]
    beam_width: int
    max_unigrams: int
    mixture: MixtureRecipe | None


@dataclass(frozen=True, slots=True)
class DistillationRecipe:
    """How a student learns from a teacher; a key that is left out has the value given here.

    The loss of a frame is the divergence of both emissions, softened by `temperature`; that of an
    utterance has the CTC loss of its text besides, times `ctc_weight`. `texts` is `data`, where
    every utterance has one, or what the `teacher` reads. `precompute` has the teacher emit for all
    speech before the first update, of whole utterances as they are. The student's layers start as
    `teacher_layers`, counted from 0; without them its weights are random.
    """

    ctc_weight: float = 0.3
    temperature: float = 1.0
    texts: Literal["data", "teacher"] = "data"
    precompute: bool = False
    teacher_layers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything needed to make one model again; `seed` drives every random choice.

    `text` and `synthesis` are there where the speech is synthesised, `distillation` where the
    model is a student, `adaptation` where a model is fine-tuned; without the last the letters are
    those of the data, and AdamW trains every weight.
    """

    id: str
    language: str
    seed: int
    data: DataRecipe
    model: ModelRecipe
    training: TrainingRecipe
    adaptation: AdaptationRecipe | None
    augmentation: AugmentationRecipe | None
    language_model: LanguageModelRecipe | None
    text: TextRecipe | None
    synthesis: SynthesisRecipe | None
    distillation: DistillationRecipe | None

    @property
    def optimiser(self) -> Optimiser:
        """What trains the model: AdamW, unless it is fine-tuned by something else."""
        return self.adaptation.optimiser if self.adaptation else "adamw"
