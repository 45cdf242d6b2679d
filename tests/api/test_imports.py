"""Packages that must not import torch, and those that a client can use alone."""

import subprocess
import sys

LIGHT = (
    "app.api", "app.audio", "app.catalogue", "app.decoding", "app.engine", "app.main",
    "app.server", "app.settings", "app.formats", "app.client", "app.cli", "app.cli.transcribe",
    "app.cli.local", "app.cli.local_live", "app.cli.remote", "app.cli.greeting",
)  # fmt: skip


def test_only_the_acoustic_package_imports_torch() -> None:
    heavy = {"torch", "transformers", "huggingface_hub", "trainer"}
    code = f"import sys, {', '.join(LIGHT)}; print(*({heavy} & set(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True
    )
    assert ended.stdout.split() == []


def test_the_contract_needs_pydantic_alone() -> None:
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
