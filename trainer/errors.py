"""What can go wrong in a training, said to the person who started it in one line."""


class TrainerError(Exception):
    """An error that ends a command; its message names the cause and a remedy."""


class RecipeError(TrainerError):
    """A recipe that cannot be read or does not hold together."""


class CorpusError(TrainerError):
    """Text that cannot be had: no apt, an unknown package, or too few sentences in it."""


class SynthesisError(TrainerError):
    """espeak-ng refused a voice or a text."""


class DataError(TrainerError):
    """A data folder or manifest that is missing or broken."""


class LanguageModelError(TrainerError):
    """Text that gives no language model, a tool that fails, or a model that does not help."""


class TrainingError(TrainerError):
    """A training that cannot continue."""
