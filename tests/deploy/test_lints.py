"""hadolint and yamllint pass; the build context holds no weights."""

import subprocess
import sys
from pathlib import Path

import pytest
from dockerfile import context_files, parse_dockerfile

TOOLS = Path(sys.executable).parent


def test_hadolint_passes(repository: Path) -> None:
    subprocess.run([TOOLS / "hadolint", repository / "Dockerfile"], check=True)


@pytest.mark.long
def test_yamllint_passes_on_every_yaml_file(repository: Path) -> None:
    subprocess.run([TOOLS / "yamllint", "--strict", "."], cwd=repository, check=True)


def test_build_context_has_what_is_copied_and_no_weights(repository: Path) -> None:
    files = context_files(repository)
    assert {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "setup.py"} <= {
        path.as_posix() for path in files
    }
    assert {Path("app/main.py"), Path("trainer/cli/__init__.py")} <= set(files)
    cards = [path for path in files if path.parts[0] == "models"]
    assert {path.suffix for path in cards} <= {".toml", ".md"}
    assert len({path.parent for path in cards}) == len(list(repository.glob("models/*/model.toml")))
    assert sum((repository / path).stat().st_size for path in files) < 5_000_000


def test_image_runs_as_a_numeric_user_without_a_compiler(repository: Path) -> None:
    runtime = parse_dockerfile((repository / "Dockerfile").read_text("utf-8"))[-1]
    assert runtime.base.endswith("-slim-bookworm")
    user, _, group = runtime.last("USER").value.partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert runtime.instructions.index(runtime.last("USER")) > runtime.instructions.index(
        runtime.last("RUN")
    )
