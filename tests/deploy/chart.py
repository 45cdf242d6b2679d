"""Renders the Helm chart with helm, and validates what came of it with kubernetes-validate."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from crds import CUSTOM_RESOURCES

Object = dict[str, Any]
NAMESPACE = "speech"


_TOOLS = Path(__file__).resolve().parents[2] / ".venv-deploy" / "bin"


def tool(name: str) -> str:
    """Finds a program that `make test-deploy` installs, or one of the machine."""
    found = shutil.which(name, path=f"{_TOOLS}:{os.environ['PATH']}")
    assert found is not None, f"{name} is missing: run make test-deploy"
    return found


@dataclass(frozen=True, slots=True)
class Rendered:
    """The objects of one rendering."""

    objects: list[Object]

    def all(self, kind: str) -> list[Object]:
        return [item for item in self.objects if item["kind"] == kind]

    def one(self, kind: str) -> Object:
        [item] = self.all(kind)
        return item

    def pods(self) -> Iterator[tuple[str, Object]]:
        """The templates of all pods, each with the kind of what makes it."""
        for item in self.objects:
            if item["kind"] in ("Deployment", "StatefulSet", "Job"):
                yield item["kind"], item["spec"]["template"]
            elif item["kind"] == "RayService":
                cluster = item["spec"]["rayClusterConfig"]
                yield "head", cluster["headGroupSpec"]["template"]
                for group in cluster["workerGroupSpecs"]:
                    yield "worker", group["template"]

    def containers(self) -> Iterator[tuple[str, Object]]:
        for kind, pod in self.pods():
            for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
                yield f"{kind}/{container['name']}", container

    def server(self) -> Object:
        """The pod of the service itself."""
        [pod] = [pod["spec"] for kind, pod in self.pods() if kind in ("Deployment", "StatefulSet")]
        return pod


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart in the repository."""

    folder: Path

    def run(
        self, values: Path | None = None, *settings: str, command: str = "template"
    ) -> subprocess.CompletedProcess[str]:
        """Runs helm with the values of a file, and settings such as `replicas=2`."""
        names = [str(self.folder)] if command == "lint" else ["nordlyd", str(self.folder)]
        arguments = [tool("helm"), command, *names, "--namespace", NAMESPACE]
        if command == "install":
            # Prints the notes too, without a cluster.
            arguments.append("--dry-run=client")
        if values is not None:
            arguments += ["--values", str(values)]
        for setting in settings:
            arguments += ["--set-json", setting]
        return subprocess.run(arguments, capture_output=True, text=True, check=False)

    def render(self, values: Path | None = None, *settings: str) -> Rendered:
        run = self.run(values, *settings)
        assert run.returncode == 0, run.stderr
        return Rendered([item for item in yaml.safe_load_all(run.stdout) if item])

    def refusal(self, values: Path | None = None, *settings: str) -> str:
        """Why helm does not render these values."""
        run = self.run(values, *settings)
        assert run.returncode != 0, settings
        return run.stderr


def validate(renderings: Mapping[str, Rendered], version: str, folder: Path) -> None:
    """Holds objects to the schemas of one version of Kubernetes, unknown fields included."""
    files = []
    known = 0
    for name, rendered in renderings.items():
        objects = [item for item in rendered.objects if item["kind"] not in CUSTOM_RESOURCES]
        objects += [_as_pod(pod) for kind, pod in rendered.pods() if kind in ("head", "worker")]
        files.append(folder / f"{name}.yaml")
        files[-1].write_text(yaml.safe_dump_all(objects), "utf-8")
        known += len(objects)
    run = subprocess.run(
        [tool("kubernetes-validate"), "--strict", "--kubernetes-version", version, *files],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = (run.stdout + run.stderr).splitlines()
    # An object without a schema would only be a warning.
    assert [line for line in lines if not line.startswith("INFO")] == []
    assert len(lines) == known
    assert run.returncode == 0


def _as_pod(template: Object) -> Object:
    metadata = {"name": "pod"} | template["metadata"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def variables(container: Object) -> dict[str, Object]:
    """A container's variables by name; each may be given once."""
    names = [entry["name"] for entry in container.get("env", [])]
    assert len(names) == len(set(names)), json.dumps(names)
    return {entry["name"]: entry for entry in container.get("env", [])}
