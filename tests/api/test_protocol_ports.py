"""Ports of protocols whose clients have no keys: off by default, and not open to a network."""

import re
import socket
from pathlib import Path

import pytest
import yaml

from app.errors import ConfigurationError
from app.server import bind, check_bind
from app.settings import Settings, load_settings

REPOSITORY = Path(__file__).resolve().parents[2]
PORTS = ["vosk_port", "wyoming_port"]


@pytest.mark.parametrize("port", PORTS)
def test_they_are_off_by_default_and_open_on_loopback(port: str) -> None:
    assert getattr(Settings(), port) is None
    check_bind(Settings(**{port: 2700}))
    check_bind(Settings(host="::1", **{port: 0}))


@pytest.mark.parametrize("port", PORTS)
def test_a_network_needs_leave_since_their_clients_send_no_key(port: str) -> None:
    public = {"host": "0.0.0.0", "api_keys": ["a-key"]}
    check_bind(Settings(**public))
    with pytest.raises(ConfigurationError, match="NORDLYD_ALLOW_ANONYMOUS") as refused:
        check_bind(Settings(**public, **{port: 2700}))
    assert f"NORDLYD_{port.upper()}" in refused.value.message
    assert refused.value.param == port
    check_bind(Settings(**public, allow_anonymous=True, **{port: 2700}))


@pytest.mark.parametrize("port", PORTS)
def test_a_port_that_is_taken_is_named_by_its_setting(port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(ConfigurationError, match=f"NORDLYD_{port.upper()}") as refused:
            bind("127.0.0.1", taken.getsockname()[1], port)
        assert "--port" not in refused.value.message


@pytest.mark.parametrize("port", PORTS)
def test_a_port_is_a_number(port: str) -> None:
    with pytest.raises(ConfigurationError, match=f"NORDLYD_{port.upper()}"):
        load_settings({}, **{port: 70_000})


def test_the_compose_override_of_the_docs_may_start() -> None:
    text = (REPOSITORY / "docs" / "protocols.md").read_text("utf-8")
    block = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (service,) = [yaml.safe_load(each)["services"]["nordlyd"] for each in block]
    given = {
        name.removeprefix("NORDLYD_").lower(): value
        for name, value in service["environment"].items()
    }
    settings = Settings(host="0.0.0.0", api_keys=["a-key"], **given)
    check_bind(settings)
    published = {int(port.rpartition(":")[2]) for port in service["ports"]}
    assert published == {settings.vosk_port, settings.wyoming_port}
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
