"""`scripts/audit`: the verdict on a pip-audit report with a file of accepted reasons."""

import json
import subprocess
import sys
from pathlib import Path

_SCRIPT = Path(__file__).resolve().parents[3] / "scripts/audit"
_CLEAN = {"name": "numpy", "version": "2.4.0", "vulns": []}
_SKIPPED = {"name": "torch", "skip_reason": "Dependency not found on PyPI"}
_VULNERABLE = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": ["CVE-2019-10906"]}],
}


def audit(folder: Path, packages: list[dict[str, object]], reasons: str = "") -> tuple[int, str]:
    (folder / "report.json").write_text(json.dumps({"dependencies": packages}))
    (folder / "reasons.toml").write_text(reasons)
    done = subprocess.run(
        [sys.executable, _SCRIPT, "--report", folder / "report.json",
         "--reasons", folder / "reasons.toml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, done.stdout


def reason(until: str) -> str:
    return f'[[advisory]]\nid = "CVE-2019-10906"\nreason = "No templates."\nuntil = {until}\n'


def test_clean_packages_pass(tmp_path: Path) -> None:
    assert audit(tmp_path, [_CLEAN]) == (0, "audit: 1 packages checked\n")


def test_finding_without_a_reason_fails_and_names_the_fix(tmp_path: Path) -> None:
    status, output = audit(tmp_path, [_CLEAN, _VULNERABLE])
    assert status == 1
    assert "VULNERABLE jinja2 2.4.1: PYSEC-2019-217 = CVE-2019-10906; fixed in 2.10.1" in output


def test_finding_with_a_reason_passes_until_its_date(tmp_path: Path) -> None:
    status, output = audit(tmp_path, [_VULNERABLE], reason("2999-01-01"))
    assert status == 0
    assert "No templates." in output
    status, output = audit(tmp_path, [_VULNERABLE], reason("2020-01-01"))
    assert status == 1
    assert "EXPIRED on 2020-01-01" in output


def test_reason_that_is_no_longer_needed_is_reported(tmp_path: Path) -> None:
    status, output = audit(tmp_path, [_CLEAN], reason("2999-01-01"))
    assert status == 0
    assert "remove it" in output


def test_packages_that_were_not_checked_are_named(tmp_path: Path) -> None:
    status, output = audit(tmp_path, [_CLEAN, _SKIPPED])
    assert status == 0
    assert "not checked, unknown to the service: torch" in output


def test_audit_without_a_checked_package_passes_and_reports_not_done(tmp_path: Path) -> None:
    status, output = audit(tmp_path, [_SKIPPED])
    assert status == 0
    assert "NOT DONE" in output
