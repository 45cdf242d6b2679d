"""Writes the YAML metadata at the head of a model card."""

from huggingface_hub import EvalResult, ModelCardData

from trainer.card.evaluated import evaluated
from trainer.card.facts import Facts
from trainer.data.sources import PUBLISHED
from trainer.evaluation.measure import TITLES

_DIGITS = 4
_LEADERBOARD = "hf-asr-leaderboard"


def metadata(facts: Facts) -> str:
    """Returns the block as the hub reads it, rates as shares, between its two lines of dashes."""
    sets = repositories(facts)
    tags = ["wav2vec2", "ctc", "automatic-speech-recognition"]
    if facts.synthesised:
        tags += ["synthetic-speech", "demo"]
    else:
        tags += [_LEADERBOARD, *sets]
    data = ModelCardData(
        language=facts.recipe.language,
        license=facts.licence,
        library_name="transformers",
        pipeline_tag="automatic-speech-recognition",
        base_model=base_model(facts),
        datasets=sets or None,
        metrics=["wer", "cer"],
        tags=tags,
        model_name=facts.id,
        eval_results=_results(facts) if facts.evaluation else None,
    )
    return f"---\n{data.to_yaml()}\n---"


def base_model(facts: Facts) -> str | None:
    """Returns the hub id of the weights that the training started from, where they have one."""
    if facts.provenance is not None and facts.provenance.start is not None:
        return facts.provenance.start.hub
    init = facts.recipe.model.init
    return None if init == "random" else init


def start(facts: Facts) -> str:
    """Returns what the training started from: as the run recorded it, else as the recipe has it."""
    if facts.provenance is not None and facts.provenance.start is not None:
        return facts.provenance.start.name
    return base_model(facts) or "random weights"


def repositories(facts: Facts) -> list[str]:
    """Returns the hub ids of the published sets that the model was trained on."""
    return _repositories(facts.sources("train"))


def _repositories(sources: tuple[str, ...]) -> list[str]:
    names = [source.rpartition("/")[0] for source in sources]
    return list(dict.fromkeys(PUBLISHED[name].repository for name in names if name in PUBLISHED))


def _results(facts: Facts) -> list[EvalResult]:
    evaluation = facts.evaluation or {}
    found = evaluated(evaluation, facts.recipe)
    sets = _repositories(found.sources)
    configs = {
        PUBLISHED[name].config
        for source in found.sources
        if (name := source.rpartition("/")[0]) in PUBLISHED
    }
    arguments = {
        "language": facts.recipe.language,
        "data": found.data,
        "utterances": found.count,
        "available": found.available,
    }
    return [
        EvalResult(
            task_type="automatic-speech-recognition",
            task_name="Automatic Speech Recognition",
            dataset_type="synthesised-speech" if found.synthesised else (sets or ["local"])[0],
            dataset_name=found.full_name,
            dataset_config=next(iter(configs)) if len(configs) == 1 else None,
            dataset_split=found.split or None,
            dataset_args=arguments,
            metric_type=metric,
            metric_name=f"{found.title} {metric.upper()}, {title}",
            metric_value=round(evaluation[f"{name}_{metric}"], _DIGITS),
        )
        for name, title in TITLES.items()
        for metric in ("wer", "cer")
        if evaluation[f"{name}_{metric}"] is not None
    ]
