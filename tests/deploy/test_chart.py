"""The Helm chart: what its values change, and which are refused."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from chart import NAMESPACE, Chart, variables

pytestmark = pytest.mark.deploy

KEYS = 'auth.existingSecret="keys"'
SHARED = ('database.existingSecret="database"', 'storage.url="s3://speech/jobs"')
FLEET = (KEYS, *SHARED, 'kind="Deployment"', 'models.pull="job"')


def test_versions_are_those_of_the_package(chart: Chart, repository: Path) -> None:
    version = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["version"]
    assert yaml.safe_load((chart.folder / "Chart.yaml").read_text())["appVersion"] == version
    [container] = chart.render(None, KEYS).server()["containers"]
    assert container["image"] == f"nordlyd:{version}"


def test_table_of_values_names_every_value_and_its_default(chart: Chart) -> None:
    values = yaml.safe_load((chart.folder / "values.yaml").read_text("utf-8"))
    page = (chart.folder / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([\w.-]+)` \| (?:`([^`]*)`)? ?\|", page, re.MULTILINE))
    found: dict[str, str] = {}

    def walk(prefix: str, value: object) -> None:
        if isinstance(value, dict) and value and prefix not in rows:
            for name, item in value.items():
                walk(f"{prefix}.{name}".lstrip("."), item)
        else:
            found[prefix] = "" if isinstance(value, dict | list) or value == "" else str(value)

    walk("", values)
    shown = {
        name: default.replace("true", "True").replace("false", "False")
        for name, default in rows.items()
    }
    assert shown == found


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ((), "no API keys: set auth.existingSecret or auth.keys"),
        ((KEYS, 'kind="Deployment"'), "kind=Deployment keeps nothing on its own"),
        ((KEYS, "replicas=2"), "several replicas need one database and one storage"),
        ((KEYS, 'autoscaling.type="hpa"'), "several replicas need one database"),
        ((KEYS, *SHARED, 'kind="Deployment"'), "use models.pull=job"),
        ((KEYS, 'models.pull="none"'), "models.pull=none needs models.volume.existingClaim"),
        ((*FLEET, 'autoscaling.type="keda"'), "needs autoscaling.keda.serverAddress"),
        ((*FLEET, 'autoscaling={"type":"hpa","minReplicas":9}'), "minReplicas is above"),
        ((*FLEET, 'storage.existingClaim="c"'), "recordings are kept in one place"),
    ],
)
def test_values_that_cannot_work_are_refused(
    chart: Chart, settings: tuple[str, ...], reason: str
) -> None:
    assert reason in chart.refusal(None, *settings)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("replica=2", "replica"),
        ("replicas=-1", "replicas"),
        ('kind="DaemonSet"', "kind"),
        ('image.tag="latest"', "tag"),
        ('image.digest="sha256:0"', "digest"),
        ('device="gpu"', "device"),
        ("models.ids=[]", "ids"),
        ('models.ids=["a,b"]', "ids"),
        ('auth.keys=["short"]', "keys"),
        ('storage.url="https://bucket"', "url"),
        ('resources={"limits":{"memory":null}}', "memory"),
        ('resources.limits.memory="16 GB"', "memory"),
        ('settings={"NORDLYD_API_KEYS":"k"}', "NORDLYD_API_KEYS"),
        ('settings={"MAX_WAIT_SECONDS":1}', "MAX_WAIT_SECONDS"),
        ('service.port="http"', "port"),
        ("podDisruptionBudget.maxUnavailable=0", "maxUnavailable"),
        ('serviceMonitor.interval="often"', "interval"),
        ('autoscaling.type="cron"', "type"),
        ("drainSeconds=-1", "drainSeconds"),
    ],
)
def test_schema_refuses_a_bad_value_and_names_it(chart: Chart, setting: str, named: str) -> None:
    message = chart.refusal(None, KEYS, setting)
    assert "values don't meet the specifications of the schema" in message
    assert named in message


def test_pod_has_longer_to_stop_than_its_drain_takes(chart: Chart) -> None:
    server = chart.render(None, KEYS, "drainSeconds=300", "preStopSeconds=20").server()
    [container] = server["containers"]
    assert variables(container)["NORDLYD_DRAIN_SECONDS"]["value"] == "300"
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "20"]
    assert server["terminationGracePeriodSeconds"] > 320


def test_gpu_is_requested_on_cuda_alone(chart: Chart) -> None:
    for device, settings in {
        "cuda": (KEYS, 'gpu={"resource":"nvidia.com/mig-2g.20gb","count":1}'),
        "cpu": (KEYS, 'device="cpu"'),
    }.items():
        [container] = chart.render(None, *settings).server()["containers"]
        assert variables(container)["NORDLYD_DEVICE"]["value"] == device
        limits = container["resources"]["limits"]
        assert {key: limits[key] for key in limits if "/" in key} == (
            {"nvidia.com/mig-2g.20gb": 1} if device == "cuda" else {}
        )


def test_stateful_set_keeps_data_and_models_on_volumes_of_each_pod(chart: Chart) -> None:
    rendered = chart.render(None, KEYS)
    claims = rendered.one("StatefulSet")["spec"]["volumeClaimTemplates"]
    assert [claim["metadata"]["name"] for claim in claims] == ["data", "models"]
    [pull] = rendered.server()["initContainers"]
    assert pull["command"][:3] == ["nordlyd", "models", "pull"]
    names = {item["metadata"]["name"]: item for item in rendered.all("Service")}
    headless = names[rendered.one("StatefulSet")["spec"]["serviceName"]]
    assert headless["spec"]["clusterIP"] == "None"


def test_job_fills_the_volume_that_replicas_mount_read_only(chart: Chart) -> None:
    rendered = chart.render(None, *FLEET, 'models.ids=["demo-nb","demo-da"]')
    job = rendered.one("Job")["spec"]["template"]["spec"]
    [pull], [mark] = job["initContainers"], job["containers"]
    assert pull["command"] == ["nordlyd", "models", "pull", "demo-nb", "demo-da"]
    [wait] = rendered.server()["initContainers"]
    assert mark["command"][1] in wait["command"][2]
    claim = rendered.one("PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    for pod, read_only in ((job, False), (rendered.server(), True)):
        [volume] = [volume for volume in pod["volumes"] if volume["name"] == "models"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        assert volume["persistentVolumeClaim"].get("readOnly", False) is read_only


def test_job_has_another_name_when_its_pod_changes(chart: Chart) -> None:
    # Kubernetes refuses to change a Job: an upgrade would fail.
    names = {
        chart.render(None, *FLEET, *settings).one("Job")["metadata"]["name"]
        for settings in [(), ('image.tag="2"',), ('models.ids=["demo-nb"]',), ("replicas=5",)]
    }
    assert len(names) == 3


def test_keys_become_a_secret_and_new_keys_new_pods(chart: Chart) -> None:
    one, two = (
        chart.render(None, f'auth.keys=["{key}"]')
        for key in ("0123456789abcdef", "0123456789abcdeX")
    )
    assert one.one("Secret")["data"]["api-keys"] != two.one("Secret")["data"]["api-keys"]
    templates = [r.one("StatefulSet")["spec"]["template"]["metadata"] for r in (one, two)]
    assert templates[0]["annotations"] != templates[1]["annotations"]
    [container] = one.server()["containers"]
    reference = variables(container)["NORDLYD_API_KEYS"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": one.one("Secret")["metadata"]["name"], "key": "api-keys"}
    assert chart.render(None, KEYS).all("Secret") == []


@pytest.mark.parametrize("kind", ["hpa", "keda"])
def test_autoscaling_goes_by_the_queue_and_owns_the_number_of_replicas(
    chart: Chart, kind: str
) -> None:
    scale = '{"type":"%s","audioSecondsPerReplica":900,"keda":{"serverAddress":"http://p:9090"}}'
    rendered = chart.render(None, *FLEET, f"autoscaling={scale % kind}")
    deployment = rendered.one("Deployment")
    assert "replicas" not in deployment["spec"]
    scaler = rendered.one({"hpa": "HorizontalPodAutoscaler", "keda": "ScaledObject"}[kind])
    assert scaler["spec"]["scaleTargetRef"]["kind"] == "Deployment"
    assert scaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    if kind == "hpa":
        [metric] = scaler["spec"]["metrics"]
        assert metric["pods"]["metric"]["name"] == "nordlyd_queue_audio_seconds"
        assert metric["pods"]["target"] == {"type": "AverageValue", "averageValue": "900"}
    else:
        [trigger] = scaler["spec"]["triggers"]
        labels = f'{{namespace="{NAMESPACE}",service="nordlyd"}}'
        assert trigger["metadata"]["query"] == f"sum(nordlyd_queue_audio_seconds{labels})"
        assert trigger["metadata"]["threshold"] == "900"


def test_ray_service_serves_the_application_with_a_replica_of_each_model_on_a_worker(
    chart: Chart,
) -> None:
    ray = (KEYS, *SHARED, 'kind="RayService"', 'models.pull="job"', 'models.ids=["a","b","c"]')
    rendered = chart.render(None, *ray, 'ray={"minReplicas":2,"maxReplicas":4}')
    spec = rendered.one("RayService")["spec"]
    config = yaml.safe_load(spec["serveConfigV2"])
    application, *models = config["applications"]
    assert application["import_path"] == "app.cluster.ingress:application"
    # As the API names the application of a model.
    assert [(each["name"], each["args"]) for each in models] == [
        (f"nordlyd-{name}", {"model": name}) for name in "abc"
    ]
    assert all(each["route_prefix"] is None for each in models)
    assert config["http_options"] == {"host": "0.0.0.0", "port": 8000}
    cluster = spec["rayClusterConfig"]
    [workers] = cluster["workerGroupSpecs"]
    assert (workers["minReplicas"], workers["maxReplicas"]) == (2, 4)
    [worker] = workers["template"]["spec"]["containers"]
    share = float(variables(worker)["NORDLYD_RAY_GPUS"]["value"])
    assert 0.99 < 3 * share <= worker["resources"]["limits"]["nvidia.com/gpu"]
    [head] = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    assert "nvidia.com/gpu" not in head["resources"]["limits"]
    # The API is placed by a resource that only the head has.
    [api] = application["deployments"]
    [(resource, amount)] = api["ray_actor_options"]["resources"].items()
    given = json.loads(json.loads(cluster["headGroupSpec"]["rayStartParams"]["resources"]))
    assert given == {resource: amount}
    assert cluster["enableInTreeAutoscaling"] is True
    fixed = chart.render(None, *ray).one("RayService")["spec"]["rayClusterConfig"]
    assert "enableInTreeAutoscaling" not in fixed
    assert fixed["headGroupSpec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_network_policy_opens_what_the_values_name(chart: Chart) -> None:
    def open_ports(*settings: str) -> dict[str, set[int]]:
        policies = chart.render(None, *settings).all("NetworkPolicy")
        return {
            policy["metadata"]["name"]: {
                port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]
            }
            for policy in policies
        }

    assert open_ports(KEYS) == {"nordlyd": {53, 443}}
    assert open_ports(KEYS, 'models.pull="none"', 'models.volume.existingClaim="m"') == {
        "nordlyd": {53}
    }
    assert open_ports(*FLEET, 'networkPolicy={"storagePort":9000}') == {
        "nordlyd": {53, 5432, 9000},
        "nordlyd-models": {53, 443},
    }


def test_notes_name_the_job_and_the_secret_of_the_keys(chart: Chart) -> None:
    values = chart.folder / "examples/cards.yaml"
    run = chart.run(values, command="install")
    assert run.returncode == 0, run.stderr
    notes = run.stdout.partition("NOTES:")[2]
    job = chart.render(values).one("Job")["metadata"]["name"]
    assert f"logs --follow job/{job} -c pull-models" in notes
    assert 'get secret nordlyd-keys -o \'go-template={{index .data "api-keys"' in notes
