"""Brings a database to the current version: one path, whatever version it comes from."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from app.errors import ConfigurationError

VERSION_TABLE = "nordlyd_version"

_SCRIPTS = Path(__file__).parent / "migrations"
# Any number, the same in every process.
_POSTGRESQL_LOCK = 0x6E6F7264


def migrate(engine: sa.Engine, revision: str = "head") -> None:
    """Upgrade a database, in one transaction; of several processes, one after the other.

    Args:
        engine: of the database.
        revision: the version to reach; the newest by default.

    Raises:
        ConfigurationError: a newer version of the service has written it.
    """
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            # Otherwise the driver would commit each change of the schema by itself.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRESQL_LOCK)))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except CommandError as error:
            raise ConfigurationError(
                f"The database cannot be used by this version of the service: {error}. It was "
                "written by a newer one (NORDLYD_DATA or NORDLYD_DATABASE_URL).",
                param="data",
            ) from error
