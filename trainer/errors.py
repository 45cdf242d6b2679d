"""Errors of the trainer; each message is one line for the user."""


class TrainerError(Exception):
    """An error that ends a command; its message names the cause and a remedy."""


class RecipeError(TrainerError):
    """A recipe that cannot be read or whose values contradict each other."""


class CorpusError(TrainerError):
    """Text that is not available: no apt, an unknown package, or too few sentences in it."""


class SynthesisError(TrainerError):
    """espeak-ng refused a voice or a text."""


class DataError(TrainerError):
    """A data folder or manifest that is missing or broken."""


class LanguageModelError(TrainerError):
    """Text that gives no language model, a tool that fails, or a model that does not help."""


class TrainingError(TrainerError):
    """A training that cannot continue."""


class DamagedCheckpointError(TrainingError):
    """A checkpoint of a run that is incomplete or cannot be read."""


class ComparisonError(TrainerError):
    """A model or server that cannot be compared."""


class PublishError(TrainerError):
    """A model folder that is not fit to be published, or a hub that does not take it."""


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, or the name of its class without one."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
