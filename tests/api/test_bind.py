"""Which addresses may be opened, and the errors for those that may not."""

import socket

import pytest

from app.binding import bind, check_bind
from app.errors import ConfigurationError
from app.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    check_bind(Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.4", "example.test"])
def test_other_addresses_need_keys_or_the_setting(host: str) -> None:
    with pytest.raises(ConfigurationError, match="NORDLYD_API_KEYS"):
        check_bind(Settings(host=host))
    check_bind(Settings(host=host, api_keys=["a-key"]))
    check_bind(Settings(host=host, allow_anonymous=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", ""])
def test_port_0_takes_a_free_port(host: str) -> None:
    with bind(host, 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        with pytest.raises(ConfigurationError, match="in use"):
            bind(host, port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_address_of_another_host_fails_with_one_line(host: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot listen on") as caught:
        bind(host, 0)
    assert "\n" not in caught.value.message
