"""Writes `report.html`, `report.md` and `evaluation.json` of an evaluation into a folder."""

import json
from pathlib import Path

from trainer.evaluation.report.figures import Summary
from trainer.evaluation.report.markdown import markdown
from trainer.evaluation.report.page import page
from trainer.evaluation.test_set import TestSet

EVALUATION = "evaluation.json"


def write_report(summary: Summary, test_set: TestSet, folder: Path) -> None:
    """Writes the report; the page holds the sound of the worst utterances.

    Args:
        summary: what `summarise` returned for this test set.
        test_set: where the sound is.
        folder: made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary, ensure_ascii=False, indent=2)
    (folder / EVALUATION).write_text(text + "\n", encoding="utf-8")
    (folder / "report.md").write_text(markdown(summary), encoding="utf-8")
    (folder / "report.html").write_text(page(summary, test_set), encoding="utf-8")
