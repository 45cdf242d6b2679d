"""Ports of other protocols: off by default, and closed without keys unless a setting allows it."""

import re
import socket
from pathlib import Path

import pytest
import yaml

from app.binding import bind, check_bind
from app.errors import ConfigurationError
from app.settings import Settings, load_settings

REPOSITORY = Path(__file__).resolve().parents[2]
PORTS = ["vosk_port", "wyoming_port"]


@pytest.mark.parametrize("port", PORTS)
def test_protocol_ports_are_off_by_default_and_allowed_on_loopback(port: str) -> None:
    assert getattr(Settings(), port) is None
    check_bind(Settings(**{port: 2700}))
    check_bind(Settings(host="::1", **{port: 0}))


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_wyoming_with_keys_needs_an_explicit_setting(host: str) -> None:
    keyed = {"host": host, "api_keys": ["a-key"]}
    check_bind(Settings(**keyed))
    with pytest.raises(ConfigurationError, match="NORDLYD_ALLOW_ANONYMOUS") as refused:
        check_bind(Settings(**keyed, wyoming_port=10300))
    assert "NORDLYD_WYOMING_PORT" in refused.value.message
    assert refused.value.param == "wyoming_port"
    check_bind(Settings(**keyed, allow_anonymous=True, wyoming_port=10300))


def test_vosk_on_a_network_needs_keys() -> None:
    with pytest.raises(ConfigurationError, match="NORDLYD_API_KEYS"):
        check_bind(Settings(host="0.0.0.0", vosk_port=2700))
    check_bind(Settings(host="0.0.0.0", vosk_port=2700, api_keys=["a-key"]))


@pytest.mark.parametrize("port", PORTS)
def test_error_of_a_taken_port_names_its_setting(port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(ConfigurationError, match=f"NORDLYD_{port.upper()}") as refused:
            bind("127.0.0.1", taken.getsockname()[1], port)
        assert "--port" not in refused.value.message


@pytest.mark.parametrize("port", PORTS)
def test_port_that_is_not_a_number_is_refused(port: str) -> None:
    with pytest.raises(ConfigurationError, match=f"NORDLYD_{port.upper()}"):
        load_settings({}, **{port: 70_000})


def test_compose_override_of_the_docs_is_valid() -> None:
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
