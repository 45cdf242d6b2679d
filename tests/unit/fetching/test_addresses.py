"""Which addresses are public: tables, and generated addresses."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fetching import is_public

PUBLIC = (
    "1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.0", "126.255.255.255",
    "128.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
    "169.253.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "168.63.129.15",
    "2001:4860:4860::8888", "2606:4700:4700::1111", "2a00:1450:400f:80d::200e", "2001:200::1",
)  # fmt: skip
REFUSED = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",
    "127.0.0.1", "127.1.2.3", "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:53aa::1",
    "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1",
    "ff0e::1", "4000::1",
    "", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "017700000001", "127.0.0.1:80",
    "1.1.1.1/32", "１.1.1.1", " 1.1.1.1",
)  # fmt: skip
INNER = st.one_of(
    *(
        st.integers(int(network[0]), int(network[-1])).map(IPv4Address)
        for network in map(IPv4Network, ("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16"))
    ),
    st.ip_addresses(v=4),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_public_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", REFUSED)
def test_special_purpose_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses())
def test_public_addresses_are_global_unicast_in_the_registries(
    address: IPv4Address | IPv6Address,
) -> None:
    if is_public(str(address)):
        assert address.is_global
        for kind in ("private", "loopback", "link_local", "multicast", "reserved", "unspecified"):
            assert not getattr(address, f"is_{kind}")


@given(INNER, st.sampled_from(("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
def test_ipv6_ending_in_an_ipv4_address_is_not_public(inner: IPv4Address, prefix: str) -> None:
    assert not is_public(str(IPv6Network(prefix)[int(inner)]))


@given(INNER, st.integers(0, 2**80 - 1))
def test_ipv6_containing_an_ipv4_address_is_not_public(inner: IPv4Address, rest: int) -> None:
    six_to_four = (0x2002 << 112) | (int(inner) << 80) | rest
    teredo = (0x20010000 << 96) | (rest % 2**64 << 32) | (int(inner) ^ 0xFFFFFFFF)
    assert not is_public(str(IPv6Address(six_to_four)))
    assert not is_public(str(IPv6Address(teredo)))


@given(st.text(max_size=40))
def test_text_that_is_not_an_address_is_not_public(text: str) -> None:
    try:
        ip_address(text)
    except ValueError:
        assert not is_public(text)
