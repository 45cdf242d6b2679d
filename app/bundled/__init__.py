"""Where the model cards and the demo models are: in the installed package, or in a checkout."""

from importlib import resources
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]


def catalogue_folder() -> Path:
    """Returns the folder of `<id>/model.toml` that comes with the service.

    The wheel holds it as data of this package (setup.py puts it there). In a checkout, which an
    editable installation imports, it is `models/` at the top.
    """
    packaged = Path(str(resources.files("app.bundled"))) / "models"
    return packaged if packaged.is_dir() else _CHECKOUT / "models"
