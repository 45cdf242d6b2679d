"""/admin: what an operator changes and looks at while the service runs; needs the scope admin."""

from app.api.admin import models, operations, profile

ROUTERS = (models.router, operations.router, profile.router)

__all__ = ["ROUTERS"]
