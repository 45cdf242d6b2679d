"""Writes the sections of a model card that describe the model and its training."""

from trainer.card.facts import Facts
from trainer.card.metadata import start
from trainer.card.text import bullets, joined, paragraph
from trainer.published import LogRow
from trainer.recipe import MixtureRecipe, TrainingRecipe
from trainer.training.validation import EVALUATION_BATCH

CURVE = "curve.png"


def model_section(facts: Facts) -> list[str]:
    """Returns the section on the model."""
    config = facts.config
    recorded = "" if facts.provenance else " (by the recipe; the training left no record of it)"
    layers = (
        f"{config['num_hidden_layers']} layers of {config['hidden_size']}, "
        f"{config['num_attention_heads']} heads, feed-forward {config['intermediate_size']}"
    )
    items = [
        f"Start: {start(facts)}{recorded}. Recipe: `{facts.recipe.id}`. "
        f"Licence: {facts.licence or 'not stated'}.",
        f"wav2vec2 with a CTC head, {facts.parameters / 1e6:,.1f} million parameters: {layers}; "
        f"convolutions with kernels {joined(map(str, config['conv_kernel']))} and strides "
        f"{joined(map(str, config['conv_stride']))}.",
        f"{facts.tokens} tokens: letters, `|` between words, `[PAD]` as the CTC blank, `[UNK]`, "
        "`<s>`, `</s>`. Lower case, no digits, no punctuation; accents are folded as `app/text.py` "
        f"does in mode `{facts.recipe.data.normalisation}`.",
    ]
    if facts.provenance is not None and facts.provenance.teacher is not None:
        teacher = facts.provenance.teacher
        items.insert(
            1,
            f"Distilled from {teacher.hub or teacher.name}: trained on the emissions of that "
            "model, whose errors are part of what it learned.",
        )
    if facts.language_model is not None:
        lm = facts.language_model
        items.append(
            f"Language model: {lm.order}-gram (KenLM) of {lm.words:,} words, "
            f"{lm.bytes / 2**20:.1f} MiB, alpha {lm.alpha:g}, beta {lm.beta:g}, "
            f"{'tuned on the validation split' if lm.tuned else 'not tuned'}."
        )
        settings = facts.recipe.language_model
        if settings is not None and settings.mixture is not None:
            items.append(_mixture(settings.mixture))
    return ["## Model", bullets(items)]


def _mixture(mixture: MixtureRecipe) -> str:
    everyday, frequent = mixture.everyday_share, mixture.frequent_words_share
    text = 1 - everyday - frequent
    return (
        f"It is a mixture: {100 * text:.0f} % of the text below, {100 * everyday:.0f} % of "
        f"everyday sentences made by a grammar, {100 * frequent:.0f} % of the frequencies of words "
        "in wordfreq (Speer 2022, CC BY-SA 4.0)."
    )


def training_section(facts: Facts) -> list[str]:
    """Gives the hyperparameters and the log, in the form of the published cards."""
    parts = [
        "## Training procedure",
        "### Training hyperparameters",
        "The following hyperparameters were used during training:",
        "\n".join(f"- {name}: {value}" for name, value in hyperparameters(facts).items()),
    ]
    if facts.log:
        parts += [
            "### Training results",
            f"![Losses and word error rate over the updates]({CURVE})",
            results_table(facts.log),
            paragraph(_chosen(facts.recipe.training, facts.log)),
        ]
    return [*parts, "### Framework versions", _versions(facts)]


def hyperparameters(facts: Facts) -> dict[str, str]:
    """Returns the names and values as transformers' own cards list them, then those of ours."""
    recipe, training = facts.recipe, facts.recipe.training
    model = recipe.model
    by_seconds = f"up to {training.batch_seconds:g} s of audio"
    devices = facts.provenance.devices if facts.provenance else 1
    found = {
        "learning_rate": f"{training.learning_rate:g}",
        "train_batch_size": str(training.device_batch or by_seconds),
        "eval_batch_size": str(EVALUATION_BATCH),
        "seed": str(recipe.seed),
    }
    if devices > 1:
        found |= {"distributed_type": "multi-device", "num_devices": str(devices)}
    found |= {
        "gradient_accumulation_steps": str(training.accumulation),
    }
    if training.device_batch:
        total = training.device_batch * training.accumulation * devices
        found["total_train_batch_size"] = str(total)
    first, second = training.betas
    found |= {
        "optimizer": f"AdamW with betas=({first:g},{second:g}) and epsilon={training.epsilon:g}",
        "lr_scheduler_type": training.schedule,
        "lr_scheduler_warmup_steps": str(training.warmup_steps),
    }
    if training.schedule == "plateau":
        found["lr_scheduler_decay_steps"] = str(training.decay_steps)
    if training.epochs:
        found["num_epochs"] = f"{training.epochs:.1f}"
    else:
        found["training_steps"] = str(training.steps)
    used = facts.provenance.precision if facts.provenance else training.precision
    precision = {"fp16": "Native AMP", "auto": "fp16 on CUDA, else bf16 where the CPU has it"}
    found["mixed_precision_training"] = precision.get(used, used)
    # A regularisation that is off is not worth a line.
    found |= {
        name: f"{value:g}"
        for name, value in {
            "weight_decay": training.weight_decay,
            "max_grad_norm": training.max_grad_norm,
            "hidden_dropout": model.hidden_dropout,
            "attention_dropout": model.attention_dropout,
            "activation_dropout": model.activation_dropout,
            "feat_proj_dropout": model.feat_proj_dropout,
            "layerdrop": model.layerdrop,
        }.items()
        if value
    }
    if model.mask_time_prob:
        found["mask_time"] = (
            f"probability {model.mask_time_prob:g}, {model.mask_time_length} frames"
        )
    if model.mask_feature_prob:
        found["mask_feature"] = (
            f"probability {model.mask_feature_prob:g}, {model.mask_feature_length} features"
        )
    return found | {
        "ctc_zero_infinity": str(model.zero_infinity).lower(),
        "feature_encoder": "frozen" if model.freeze_feature_encoder else "trained",
    }


def results_table(log: tuple[LogRow, ...]) -> str:
    """Returns the table of the published cards."""
    lines = [
        "| Training Loss | Epoch | Step | Validation Loss | Wer |",
        "|:---:|:---:|:---:|:---:|:---:|",
    ]
    lines += [
        f"| {row.training_loss:.4f} | {row.epoch:.2f} | {row.step} | {row.validation_loss:.4f} "
        f"| {row.wer:.4f} |"
        for row in log
    ]
    return "\n".join(lines)


def evaluation_results(facts: Facts) -> list[str]:
    """Returns the loss and WER of the published cards: of the weights that were taken."""
    if not facts.log:
        return []
    row = _chosen_row(facts.recipe.training, facts.log)
    averaged = facts.recipe.training.average_checkpoints > 1
    return [
        paragraph(
            "It achieves the following results on the evaluation set, which is the validation "
            f"split ({joined(f'`{source}`' for source in facts.sources('valid'))}), greedy, "
            f"at step {row.step:,}{', before the checkpoints were averaged' if averaged else ''}:"
        ),
        bullets([f"Loss: {row.validation_loss:.4f}", f"Wer: {row.wer:.4f}"]),
    ]


def _chosen_row(training: TrainingRecipe, log: tuple[LogRow, ...]) -> LogRow:
    """Returns the evaluation of the weights that were taken: the best, or the last."""
    if training.select == "validation" and training.average_checkpoints == 1:
        return min(log, key=lambda row: row.wer)
    return log[-1]


def _chosen(training: TrainingRecipe, log: tuple[LogRow, ...]) -> str:
    chosen = (
        "Of these the weights with the best WER in validation were taken, at step "
        f"{_chosen_row(training, log).step}."
        if training.select == "validation"
        else "The last weights were taken; none were selected by these figures."
    )
    if training.average_checkpoints > 1:
        chosen = f"The last {training.average_checkpoints} checkpoints were averaged."
    watched = "all utterances"
    if training.evaluate_utterances:
        watched = f"at most {training.evaluate_utterances:,} utterances"
    ended = ""
    if training.steps and log[-1].step < training.steps:
        ended = f" The log ends at step {log[-1].step:,} of the recipe's {training.steps:,}."
    return f"Wer is greedy, on {watched} of the validation split. {chosen}{ended}"


def _versions(facts: Facts) -> str:
    """Returns the versions of the training, not those of the day that the card is written."""
    if facts.provenance is None:
        return "Not recorded by this training."
    return bullets(
        f"{title} {', then '.join(used)}" for title, used in facts.provenance.versions.items()
    )
