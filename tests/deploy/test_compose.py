"""The compose files: valid, complete, and with settings, files and images that exist."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile import assignments, parse_dockerfile

from app.settings import Settings

FILES = ["compose.yaml", "compose.cpu.yaml"]
ADDITION = "compose.watch.yaml"


def load(path: Path) -> dict[str, Any]:
    """A compose file with its `extends` resolved as far as ours use them: a whole service."""
    document = yaml.safe_load(path.read_text("utf-8"))
    for name, service in document["services"].items():
        if "extends" in service:
            source = yaml.safe_load((path.parent / service["extends"]["file"]).read_text("utf-8"))
            document["services"][name] = source["services"][service["extends"]["service"]]
    return document


@pytest.fixture(params=FILES)
def compose(request: pytest.FixtureRequest, repository: Path) -> dict[str, Any]:
    return load(repository / "deploy" / request.param)


def test_compose_files_follow_the_official_schema(repository: Path) -> None:
    files = [str(repository / "deploy" / name) for name in (*FILES, ADDITION)]
    schema = ["--builtin-schema", "vendor.compose-spec"]
    subprocess.run([sys.executable, "-m", "check_jsonschema", *schema, *files], check=True)


def test_every_setting_exists(compose: dict[str, Any], repository: Path) -> None:
    environment = compose["services"]["nordlyd"]["environment"]
    image = parse_dockerfile((repository / "Dockerfile").read_text("utf-8"))[-1]
    for item in image.all("ENV"):
        environment |= assignments(item.value)
    names = {name for name in environment if name.startswith("NORDLYD_")}
    text = (repository / "deploy" / "compose.yaml").read_text("utf-8")
    names |= set(re.findall(r"NORDLYD_[A-Z_]+", text))
    assert names <= {f"NORDLYD_{field.upper()}" for field in Settings.model_fields}


def test_watched_folder_is_set_up_as_it_is_mounted(repository: Path) -> None:
    service = load(repository / "deploy" / ADDITION)["services"]["nordlyd"]
    settings = service["environment"]
    names = {f"NORDLYD_{field.upper()}" for field in Settings.model_fields}
    assert set(settings) <= names
    mounted = [mount.partition("}:")[2] for mount in service["volumes"]]
    assert mounted == [f"{settings['NORDLYD_WATCH']}:ro", settings["NORDLYD_WATCH_OUT"]]


def test_models_are_in_the_catalogue(compose: dict[str, Any], repository: Path) -> None:
    default = compose["services"]["nordlyd"]["environment"]["NORDLYD_MODELS"]
    image = parse_dockerfile((repository / "Dockerfile").read_text("utf-8"))[-1]
    in_image = assignments(image.last("ENV").value)["NORDLYD_MODELS"]
    assert default == f"${{NORDLYD_MODELS:-{in_image}}}"
    cards = {card.parent.name for card in (repository / "models").glob("*/model.toml")}
    assert set(in_image.split(",")) <= cards


def test_keys_and_a_password_are_required(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["nordlyd"]["environment"]["NORDLYD_API_KEYS"].startswith("${NORDLYD_API_KEYS:?")
    password = services["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"]
    assert password.startswith("${GRAFANA_PASSWORD:?")


def test_ports_are_published_on_loopback_by_default(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for port in service.get("ports", []):
            assert re.match(r"(\$\{PUBLISH:-)?127\.0\.0\.1:", port)


def test_mounted_and_built_files_exist(compose: dict[str, Any], repository: Path) -> None:
    folder = repository / "deploy"
    assert (folder / compose["services"]["nordlyd"]["build"]["context"] / "Dockerfile").is_file()
    for service in compose["services"].values():
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (folder / source).is_dir()
            else:
                assert source in compose["volumes"]


def test_images_are_pinned_by_tag(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name != "nordlyd":
            assert re.search(r":v?\d+(\.\d+)+$", service["image"])


def test_stop_grace_period_covers_the_drain(compose: dict[str, Any]) -> None:
    service = compose["services"]["nordlyd"]
    grace = float(service["stop_grace_period"].removesuffix("s"))
    assert grace > float(service["environment"]["NORDLYD_DRAIN_SECONDS"])


def test_services_have_no_new_privileges_and_read_only_files(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_database_and_store_run_only_with_their_profiles(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {name: service.get("profiles") for name, service in services.items()} == {
        "nordlyd": None,
        "prometheus": None,
        "grafana": None,
        "postgresql": ["postgresql"],
        "s3": ["s3"],
    }
    for name in ("postgresql", "s3"):
        # The service waits for them, and starts without them where they are off.
        waits = services["nordlyd"]["depends_on"][name]
        assert waits == {"condition": "service_healthy", "required": False}
        assert services[name]["healthcheck"]["test"][0] == "CMD"
        # Only the other services reach them.
        assert "ports" not in services[name]


def test_where_jobs_are_kept_is_passed_on_from_the_shell(compose: dict[str, Any]) -> None:
    environment = compose["services"]["nordlyd"]["environment"]
    passed = {name for name, value in environment.items() if value is None}
    assert {"NORDLYD_DATABASE_URL", "NORDLYD_STORAGE", "AWS_ENDPOINT_URL"} <= passed
    store = compose["services"]["s3"]["environment"]
    # The store accepts the key that the service sends.
    assert set(store) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & passed


def test_store_does_not_start_without_credentials(compose: dict[str, Any]) -> None:
    # SeaweedFS would serve everyone.
    service = compose["services"]["s3"]
    assert service["entrypoint"][:2] == ["sh", "-c"]
    line = service["entrypoint"][2].replace("$$", "$").replace("/entrypoint.sh", "echo started")
    for secret, started in (("", False), ("s", True)):
        run = subprocess.run(
            ["sh", "-c", line, *service["entrypoint"][3:], *service["command"]],
            env={"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": secret},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (run.returncode == 0) is started
        assert run.stdout.startswith("started mini -dir=/data") is started


def test_health_check_is_that_of_the_image(compose: dict[str, Any], repository: Path) -> None:
    image = parse_dockerfile((repository / "Dockerfile").read_text("utf-8"))[-1]
    check = compose["services"]["nordlyd"]["healthcheck"]
    in_image = dict(flag.removeprefix("--").split("=") for flag in image.last("HEALTHCHECK").flags)
    assert {key: str(check[key.replace("-", "_")]) for key in in_image} == in_image
    in_image_command = json.loads(image.last("HEALTHCHECK").value.removeprefix("CMD "))
    assert check["test"] == ["CMD", *in_image_command]


def test_cpu_service_differs_in_its_device_only(repository: Path) -> None:
    gpu, cpu = (load(repository / "deploy" / name)["services"]["nordlyd"] for name in FILES)
    reservation = gpu.pop("deploy")["resources"]["reservations"]["devices"]
    assert reservation == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
    assert (gpu.pop("image"), cpu.pop("image")) == ("nordlyd:cuda", "nordlyd:cpu")
    for service, device in ((gpu, "cuda"), (cpu, "cpu")):
        assert service["build"]["args"].pop("DEVICE") == device
        assert service["environment"].pop("NORDLYD_DEVICE") == device
    assert gpu == cpu
