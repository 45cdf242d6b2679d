"""Packages that must not import torch, and those that a client can use alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

SERVICE = ("app.main", "app.server")
LIGHT = (
    "app.api", "app.audio", "app.catalogue", "app.decoding", "app.engine", "app.settings",
    "app.formats", "nordlyd_client", "nordlyd_client.cli.command", "nordlyd_client.cli.run",
    "app.cli.service", "app.cli.local", "app.cli.serve", "app.cli.archive",
)  # fmt: skip
DATABASE = {"sqlalchemy", "dbos", "alembic"}
HEAVY = {
    "torch", "transformers", "huggingface_hub", "trainer", "dbos", "alembic", "ray", "pyarrow",
}  # fmt: skip


def test_heavy_packages_are_imported_only_where_they_are_used() -> None:
    """The service without jobs and keys needs no database library either."""
    code = (
        f"import sys, {', '.join(SERVICE)}; print(*({DATABASE} & set(sys.modules))); "
        f"import {', '.join(LIGHT)}; print(*({HEAVY} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True
    )
    assert ended.stdout == "\n\n"


def test_contract_needs_only_pydantic() -> None:
    code = (
        "import sys, app.contract.stream, app.contract.batches, app.contract.health, "
        "app.contract.options, app.contract.segments; "
        "print(*({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)); "
        "print(*(name for name in sys.modules if name.startswith('app.')))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True
    )
    packages, modules = ended.stdout.splitlines()
    heavy = {"fastapi", "starlette", "httpx", "numpy", "torch", "typer", "structlog"}
    assert heavy.isdisjoint(packages.split())
    assert all(name.startswith("app.contract") for name in modules.split())


def imported(folder: str) -> set[str]:
    """The modules of the service that the modules of a folder import, wherever they do."""
    names: set[str] = set()
    for path in (REPOSITORY / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(str(node.module))
    return {name for name in names if name.split(".")[0] in {"app", "trainer", "bench"}}


@pytest.mark.parametrize("folder", ["app/contract", "app/formats", "clients/python"])
def test_client_and_what_it_ships_import_nothing_of_the_service(folder: str) -> None:
    assert imported(folder) == set()


def test_command_line_does_not_import_the_api() -> None:
    assert not {name for name in imported("app/cli") if name.startswith("app.api")}


def test_service_imports_neither_trainer_nor_benchmarks() -> None:
    assert {name.split(".")[0] for name in imported("app")} == {"app"}


@pytest.mark.long
def test_encoder_does_not_import_the_compiler_of_torch() -> None:
    code = "import sys, app.acoustic; print('torch._dynamo' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True
    )
    assert ended.stdout.strip() == "False"
