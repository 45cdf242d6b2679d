"""The migrations of the database, run by `app.database.migrate`."""
