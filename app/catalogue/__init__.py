"""The models: their cards, which of them serves a request, and which folder holds their files."""

from app.catalogue.cards import (
    DecodingDefaults,
    Figure,
    Layout,
    ModelCard,
    decoding_defaults,
    read_card,
)
from app.catalogue.catalogue import Catalogue, ResolvedModel
from app.catalogue.files import missing_files, store_folder
from app.catalogue.hub import HubOptions, PullPlan, pull
from app.catalogue.languages import canonical_language
from app.catalogue.listing import ModelRow, describe, list_rows
from app.catalogue.routing import Router
from app.catalogue.store import locate

__all__ = [
    "Catalogue",
    "DecodingDefaults",
    "Figure",
    "HubOptions",
    "Layout",
    "ModelCard",
    "ModelRow",
    "PullPlan",
    "ResolvedModel",
    "Router",
    "canonical_language",
    "decoding_defaults",
    "describe",
    "list_rows",
    "locate",
    "missing_files",
    "pull",
    "read_card",
    "store_folder",
]
