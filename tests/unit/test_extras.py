"""Commands without the packages of the optional extras, which a base installation lacks.

`make test-pythons` runs the same commands where they are really not installed.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.extras import install_hint

EXTRAS = (
    "accelerate", "datasets", "espeakng_loader", "kaldi_native_fbank", "matplotlib", "psutil",
    "pyarrow", "pyctcdecode", "pypdf", "scipy", "sounddevice", "tensorboard", "transformers",
)  # fmt: skip
# Python takes such a module for one that is not there.
BLOCKER = f"import sys; sys.modules.update(dict.fromkeys({EXTRAS!r}))"


@pytest.fixture
def without_extras(tmp_path: Path) -> dict[str, str]:
    """The variables of a process that finds none of the packages."""
    (tmp_path / "sitecustomize.py").write_text(BLOCKER, "utf-8")
    return os.environ | {"PYTHONPATH": str(tmp_path)}


def run(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program, *arguments = command.split()
    return subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["plan demo-nb", "--help", "train --help", "tune --help"])
def test_plan_and_help_need_no_extra(without_extras: dict[str, str], command: str) -> None:
    done = run(f"nordlyd-train {command}", without_extras)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        ("nordlyd-train train demo-nb --data . --output {folder}/run", "", "train"),
        ("nordlyd-train prepare demo-nb --output {folder}/data", "pyarrow", "train"),
        ("nordlyd adapt demo-nb {folder}/minutes.pdf", "pypdf", "pdf"),
        ("nordlyd bench encoder", "transformers", "bench"),
        ("nordlyd bench decoder", "pyctcdecode", "pyctcdecode"),
    ],
)
def test_missing_extra_is_named_in_one_line(
    without_extras: dict[str, str], tmp_path: Path, command: str, package: str, extra: str
) -> None:
    (tmp_path / "minutes.pdf").write_bytes(b"%PDF-1.4")
    done = run(command.format(folder=tmp_path), without_extras)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert f"pip install 'nordlyd[{extra}]'" in line
    assert package in line


def test_package_of_several_extras_names_the_preferred_one() -> None:
    missing = ModuleNotFoundError(name="transformers.models")
    for extra in ("train", "bench"):
        assert f"nordlyd[{extra}]" in str(install_hint(missing, preferred=extra))
    assert install_hint(ModuleNotFoundError(name="app.gone"), preferred="train") is None


@pytest.mark.parametrize("package", ["ctranslate2", "onnx", "onnxscript"])
def test_package_names_the_extra_that_lists_it_and_not_one_that_includes_that(package: str) -> None:
    hint = str(install_hint(ModuleNotFoundError(name=package), preferred="train"))
    assert "nordlyd[export]" in hint
