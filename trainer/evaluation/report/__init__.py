"""An evaluation in, what a person reads of it out: a page, a Markdown file, a few lines."""

from trainer.evaluation.report.files import EVALUATION, write_report
from trainer.evaluation.report.markdown import headline

__all__ = ["EVALUATION", "headline", "write_report"]
