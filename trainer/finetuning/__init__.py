"""Fine-tunes a model on one's own speech, without a recipe: the numbers follow from the data."""

from trainer.finetuning.finetune import Request, plan_finetuning, train_finetuning

__all__ = ["Request", "plan_finetuning", "train_finetuning"]
