"""Writes the YAML metadata at the head of a model card."""

from huggingface_hub import EvalResult, ModelCardData

from trainer.card.facts import Facts
from trainer.data.sources import PUBLISHED
from trainer.evaluation.measure import TITLES

_DIGITS = 4


def metadata(facts: Facts) -> str:
    """Returns the block as the hub reads it, rates as shares, between its two lines of dashes."""
    recipe, evaluation = facts.recipe, facts.evaluation
    synthesised = recipe.synthesis is not None
    tags = ["wav2vec2", "ctc", "automatic-speech-recognition"]
    if synthesised:
        tags += ["synthetic-speech", "demo"]
    sets = repositories(facts)
    data = ModelCardData(
        language=recipe.language,
        license=licence(facts),
        library_name="transformers",
        pipeline_tag="automatic-speech-recognition",
        base_model=None if recipe.model.init == "random" else recipe.model.init,
        datasets=sets or None,
        metrics=["wer", "cer"],
        tags=tags,
        model_name=facts.id,
        eval_results=_results(facts, sets) if evaluation else None,
    )
    return f"---\n{data.to_yaml()}\n---"


def licence(facts: Facts) -> str:
    """Returns the licence in `model.toml`, by default that of both published checkpoints."""
    stated = facts.catalogue.licence if facts.catalogue else None
    return stated or "apache-2.0"


def repositories(facts: Facts) -> list[str]:
    """Returns the hub ids of the published sets that the recipe trains on."""
    names = [source.rpartition("/")[0] for source in facts.recipe.data.train]
    return list(dict.fromkeys(PUBLISHED[name].repository for name in names if name in PUBLISHED))


def test_set_name(facts: Facts) -> str:
    """Returns the name of the test set."""
    if facts.recipe.synthesis is not None:
        return "held-out synthesised sentences, held-out voices"
    return " and ".join(facts.recipe.data.test)


def _results(facts: Facts, sets: list[str]) -> list[EvalResult]:
    evaluation = facts.evaluation or {}
    kind = "synthesised-speech" if facts.recipe.synthesis is not None else "".join(sets[:1])
    return [
        EvalResult(
            task_type="automatic-speech-recognition",
            task_name="Automatic Speech Recognition",
            dataset_type=kind or "local",
            dataset_name=test_set_name(facts),
            dataset_split="test",
            metric_type=metric,
            metric_name=f"Test {metric.upper()}, {title}",
            metric_value=round(evaluation[f"{name}_{metric}"], _DIGITS),
        )
        for name, title in TITLES.items()
        for metric in ("wer", "cer")
        if evaluation[f"{name}_{metric}"] is not None
    ]
