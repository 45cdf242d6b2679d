"""Completion in the shells."""

import subprocess
import sys
from pathlib import Path

import pytest
from running import NORDLYD, environment

from app.catalogue.languages import canonical_language
from app.formats import FORMATS
from nordlyd_client.cli import options

pytestmark = pytest.mark.long

IDS = {card.parent.name for card in Path(__file__).parents[2].glob("models/*/model.toml")}


def suggested(typed: str, shell: str) -> list[str]:
    """Completes as the scripts of a shell do; the last word is being typed."""
    words = typed.split(" ")
    variables = {
        "bash": {"COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": typed},
        "fish": {"_TYPER_COMPLETE_ARGS": typed, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    ended = subprocess.run(
        [NORDLYD],
        env=environment({}) | variables | {"_NORDLYD_COMPLETE": f"complete_{shell}"},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert ended.stderr == ""
    found = ended.stdout.replace("_arguments '*: :((", "").replace("))'", "")
    return [line.split("\t")[0].strip('"').split('":"')[0] for line in found.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_models_and_commands_are_completed(shell: str) -> None:
    assert set(suggested("nordlyd transcribe --model ", shell)) == IDS
    commands = {"serve", "transcribe", "stream", "align", "watch", "models", "bench"}
    assert commands <= set(suggested("nordlyd ", shell))


def test_formats_and_languages_are_completed() -> None:
    assert suggested("nordlyd transcribe x.wav --format srt,t", "bash") == [
        "srt,text", "srt,ttml", "srt,tsv", "srt,textgrid",
    ]  # fmt: skip
    assert suggested("nordlyd align a b --language n", "bash") == ["nb", "nn", "no"]
    assert suggested("nordlyd stream --decoder g", "bash") == ["greedy", "greedy+lm"]
    assert options.FORMATS == FORMATS
    assert [canonical_language(code) for code in options.LANGUAGES] == [*options.LANGUAGES]


def test_completion_script_works_in_bash(tmp_path: Path) -> None:
    """Bash reads the script that the command prints, and completes with it."""
    script = (
        f'PATH="{NORDLYD.parent}:$PATH"; nordlyd --show-completion > complete.sh; '
        "source complete.sh; COMP_WORDS=(nordlyd transcribe --model demo-n); COMP_CWORD=3; "
        "options=($(complete -p nordlyd)); "
        'for at in "${!options[@]}"; do [[ ${options[at]} == -F ]] && break; done; '
        '"${options[at+1]}" nordlyd demo-n --model; echo "${COMPREPLY[@]}"'
    )
    ended = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment({}), cwd=tmp_path, check=True,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.stdout.split() == ["demo-nb", "demo-nn"], ended.stderr


def test_client_commands_do_not_import_the_service() -> None:
    code = "import sys, nordlyd_client.cli.command; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    heavy = {"torch", "transformers", "fastapi", "numpy", "av", "soundfile", "app.main"}
    assert heavy.isdisjoint(ended.stdout.split())
