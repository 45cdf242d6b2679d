"""What is called at each stage of a training."""


class TrainingCallback:
    """Callbacks of the training loop; every method may be overridden."""

    def on_train_begin(self) -> None:
        """Runs before the first update."""

    def on_update_begin(self) -> None:
        """Runs before each update."""

    def on_update_end(self) -> None:
        """Runs after each update, before it is logged."""

    def on_log(self, logs: dict[str, float]) -> None:
        """Runs with the figures of training or evaluation, by name."""

    def on_evaluate(self, loss: float, wer: float) -> None:
        """Runs after each evaluation, with its loss and WER."""

    def on_train_end(self) -> None:
        """Runs after the last update."""
