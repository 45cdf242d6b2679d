"""Every object of the Helm chart is valid, and its pods have no more rights than they need."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chart import Chart, Rendered, validate, variables
from crds import CUSTOM_RESOURCES
from jsonschema import Draft202012Validator

from app.settings import Settings

pytestmark = pytest.mark.deploy

# The oldest that the chart takes, what clouds run, and the newest.
VERSIONS = ["1.27", "1.30", "1.33", "1.35", "1.37"]

KEYS = 'auth.existingSecret="keys"'
SHARED = ('database.existingSecret="database"', 'storage.url="s3://speech/jobs"')
VARIANTS: dict[str, tuple[str, ...]] = {
    "default": (KEYS,),
    "cpu": (KEYS, 'device="cpu"', "networkPolicy.enabled=false"),
    "keys": ('auth.keys=["0123456789abcdef","fedcba9876543210"]',),
    "anonymous": ("auth.anonymous=true", 'networkPolicy.from=[{"podSelector":{}}]'),
    "deployment": (KEYS, *SHARED, 'kind="Deployment"', 'models.pull="job"', "replicas=3"),
    "shared volume": (
        KEYS, SHARED[0], 'storage.existingClaim="recordings"', "replicas=2",
        'models.pull="none"', 'models.volume.existingClaim="models"',
    ),
    "hpa": (
        KEYS, *SHARED, 'autoscaling.type="hpa"', 'autoscaling.hpa.metric="External"',
        'image.digest="sha256:' + 64 * "0" + '"', 'image.pullSecrets=["registry"]',
    ),
    "all": (
        KEYS, *SHARED, 'kind="Deployment"', 'models.pull="job"',
        'models.hubToken.existingSecret="hub"',
        'webhooks.existingSecret="webhooks"', 'storage.s3={"region":"eu","existingSecret":"s3"}',
        'autoscaling={"type":"keda","queuedJobsPerReplica":5,'
        '"keda":{"serverAddress":"http://prometheus:9090","authentication":"prometheus"}}',
        'serviceMonitor={"enabled":true,"labels":{"release":"prometheus"}}',
        'settings={"NORDLYD_MAX_WAIT_SECONDS":20,"NORDLYD_LOG_LEVEL":"debug"}',
        'extraEnv=[{"name":"NORDLYD_QUOTAS","valueFrom":{"configMapKeyRef":{"name":"n","key":"q"}}}]',
        'nodeSelector={"gpu":"l4"}', 'tolerations=[{"key":"nvidia.com/gpu","operator":"Exists"}]',
        'affinity={"nodeAffinity":{}}', 'priorityClassName="high"', 'runtimeClassName="nvidia"',
        'podLabels={"team":"speech"}', 'podAnnotations={"note":"1"}',
        'service.annotations={"a":"b"}',
        'serviceAccount.annotations={"role":"arn"}', 'models.volume.storageClass="shared"',
        'topologySpreadConstraints=[{"maxSkew":1,"topologyKey":"zone",'
        '"whenUnsatisfiable":"DoNotSchedule","labelSelector":{}}]',
        'networkPolicy.extraEgress=[{"ports":[{"port":8443}]}]',
    ),
}  # fmt: skip
EXAMPLES = ["gpu", "cards", "cpu", "ray"]


@pytest.fixture(scope="module")
def rendering(chart: Chart) -> Callable[[str], Rendered]:
    """Renders a variant or an example once."""
    done: dict[str, Rendered] = {}

    def render(name: str) -> Rendered:
        if name not in done:
            if name in VARIANTS:
                done[name] = chart.render(None, *VARIANTS[name])
            else:
                done[name] = chart.render(chart.folder / "examples" / f"{name}.yaml")
        return done[name]

    return render


@pytest.fixture(params=[*VARIANTS, *EXAMPLES])
def rendered(request: pytest.FixtureRequest, rendering: Callable[[str], Rendered]) -> Rendered:
    return rendering(request.param)


def test_every_example_is_rendered_here(repository: Path) -> None:
    files = (repository / "deploy/helm/nordlyd/examples").glob("*")
    assert sorted(file.name for file in files) == sorted(f"{name}.yaml" for name in EXAMPLES)


@pytest.mark.parametrize("version", VERSIONS)
def test_objects_are_valid_for_kubernetes(
    rendering: Callable[[str], Rendered], version: str, tmp_path: Path
) -> None:
    validate({name: rendering(name) for name in [*VARIANTS, *EXAMPLES]}, version, tmp_path)


def test_custom_resources_have_the_fields_of_their_definitions(rendered: Rendered) -> None:
    for item in rendered.objects:
        if schema := CUSTOM_RESOURCES.get(item["kind"]):
            errors = Draft202012Validator(schema).iter_errors(item)
            assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_lint_passes(repository: Path) -> None:
    chart = Chart(repository / "deploy/helm/nordlyd")
    for name in EXAMPLES:
        run = chart.run(chart.folder / "examples" / f"{name}.yaml", command="lint")
        assert run.returncode == 0, run.stdout
        assert "[WARNING]" not in run.stdout
        assert "[ERROR]" not in run.stdout


def test_names_are_unique_and_in_no_namespace_of_their_own(rendered: Rendered) -> None:
    names = [(item["kind"], item["metadata"]["name"]) for item in rendered.objects]
    assert len(names) == len(set(names))
    assert all("namespace" not in item["metadata"] for item in rendered.objects)


def test_pods_run_as_a_user_without_rights(rendered: Rendered) -> None:
    for kind, pod in rendered.pods():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        # Ray's autoscaler makes pods.
        assert spec["automountServiceAccountToken"] is (kind == "head")
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    for name, container in rendered.containers():
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert "privileged" not in security, name


def test_root_is_read_only_and_what_is_written_has_a_volume(rendered: Rendered) -> None:
    for name, container in rendered.containers():
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
    for kind, pod in rendered.pods():
        for volume in pod["spec"]["volumes"]:
            assert "hostPath" not in volume
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"]
        if kind != "Job":
            mounts = {mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}
            assert {"/tmp", "/var/lib/nordlyd", "/var/lib/nordlyd/data"} <= mounts


def test_every_mount_has_its_volume(rendered: Rendered) -> None:
    for item in rendered.objects:
        claims = item["spec"].get("volumeClaimTemplates", []) if "spec" in item else []
        made = {claim["metadata"]["name"] for claim in claims}
        if item["kind"] in ("Deployment", "StatefulSet", "Job"):
            spec = item["spec"]["template"]["spec"]
            names = made | {volume["name"] for volume in spec["volumes"]}
            used = {
                mount["name"]
                for container in [*spec.get("initContainers", []), *spec["containers"]]
                for mount in container["volumeMounts"]
            }
            assert used == names


def test_memory_and_processors_are_limited(rendered: Rendered) -> None:
    for name, container in rendered.containers():
        for kind in ("requests", "limits"):
            assert {"cpu", "memory", "ephemeral-storage"} <= set(container["resources"][kind]), name


def test_images_have_a_version(rendered: Rendered) -> None:
    for name, container in rendered.containers():
        tag = container["image"].rpartition("/")[2]
        assert "@sha256:" in tag or ":" in tag, name
        assert not tag.endswith(":latest"), name


def test_every_variable_is_a_setting_and_no_secret_is_written_out(rendered: Rendered) -> None:
    settings = {f"NORDLYD_{field.upper()}" for field in Settings.model_fields}
    for _, container in rendered.containers():
        for name, entry in variables(container).items():
            if name.startswith("NORDLYD_"):
                assert name in settings
            if any(word in name for word in ("KEY", "SECRET", "TOKEN", "DATABASE_URL")):
                assert "secretKeyRef" in entry["valueFrom"], name


def test_variables_of_services_cannot_become_settings(rendered: Rendered) -> None:
    # A Service called nordlyd would set NORDLYD_PORT=tcp://….
    for _, pod in rendered.pods():
        assert pod["spec"]["enableServiceLinks"] is False


def test_selectors_match_the_pods(rendered: Rendered) -> None:
    servers = [pod["metadata"]["labels"] for kind, pod in rendered.pods() if kind != "Job"]
    others = [pod["metadata"]["labels"] for kind, pod in rendered.pods() if kind == "Job"]
    for item in rendered.objects:
        for selector in _selectors(item):
            # KubeRay adds labels of its own to its pods.
            ours = {
                (key, value) for key, value in selector.items() if not key.startswith("ray.io/")
            }
            assert any(ours <= labels.items() for labels in servers), item["kind"]
            assert not any(ours <= labels.items() for labels in others), item["kind"]


def _selectors(item: dict[str, Any]) -> list[dict[str, str]]:
    spec = item.get("spec", {})
    if item["kind"] == "Service":
        return [spec["selector"]]
    if item["kind"] in ("Deployment", "StatefulSet", "PodDisruptionBudget"):
        return [spec["selector"]["matchLabels"]]
    if item["kind"] == "NetworkPolicy" and not item["metadata"]["name"].endswith("-models"):
        return [spec["podSelector"]["matchLabels"]]
    return []
