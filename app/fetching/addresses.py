"""Decides whether an IP address belongs to the public internet.

By IANA's registries of special-purpose addresses (RFC 6890), and addresses that clouds use.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_IPV4_REFUSED = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers' customers
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, where clouds keep their metadata
        "168.63.129.16/32",  # Azure's own services, which look public
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.52.193.0/24",  # automatic multicast tunnelling
        "192.88.99.0/24",  # former relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Nothing else is allocated as global unicast: mapped, compatible, NAT64, unique local, link-local,
# site-local and multicast addresses are all outside.
_IPV6_GLOBAL = IPv6Network("2000::/3")
_IPV6_REFUSED = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols' own, Teredo among them, which holds an IPv4 address
        "2001:db8::/32",
        "2002::/16",  # 6to4, which holds an IPv4 address
        "3fff::/20",
    )
)


def is_public(address: str) -> bool:
    """Returns whether an address is that of a host on the public internet.

    Args:
        address: in its usual notation. Anything else, or an address with a zone, is not public.
    """
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return parsed.is_global and not any(parsed in network for network in _IPV4_REFUSED)
    return (
        parsed.scope_id is None
        and parsed.is_global
        and parsed in _IPV6_GLOBAL
        and not any(parsed in network for network in _IPV6_REFUSED)
    )
