"""The devices of `nordlyd serve --devices`."""

from app.errors import ConfigurationError


def parse_devices(devices: str) -> tuple[str, ...]:
    """Returns the devices of a comma-separated list.

    Raises:
        ConfigurationError: it is neither of CUDA devices nor of `cpu`.
    """
    names = tuple(name.strip() for name in devices.split(",") if name.strip())
    cards = [name.removeprefix("cuda:") for name in names if name != "cpu"]
    if not names or (cards and (len(cards) < len(names) or not all(map(str.isdigit, cards)))):
        raise ConfigurationError(
            f"--devices is {devices!r}; accepted: devices of one kind, as cuda:0,cuda:1 or cpu,cpu."
        )
    return names
