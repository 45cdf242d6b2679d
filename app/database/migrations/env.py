"""What Alembic runs: the migrations, on the connection and in the transaction of its caller."""

from alembic import context

from app.database.migrate import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
