"""Transcript → what people read. JSON is made in `app.api.schemas`; other formats come here."""
