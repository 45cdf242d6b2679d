"""Reports an evaluation as an HTML page, as Markdown and as a few lines for the terminal."""

from trainer.evaluation.report.files import EVALUATION, write_report
from trainer.evaluation.report.markdown import headline

__all__ = ["EVALUATION", "headline", "write_report"]
