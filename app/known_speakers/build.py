"""Builds the known speakers of a service from its settings."""

from app.audio import AudioLimits
from app.audit import AUDIT_LOG, AuditLog
from app.database import Database
from app.known_speakers.samples import VoiceSampler
from app.known_speakers.service import KnownSpeakers
from app.pipeline import Transcriber
from app.settings import Settings


def build_known_speakers(
    settings: Settings, database: Database, transcriber: Transcriber, limits: AudioLimits
) -> KnownSpeakers:
    """Returns the known speakers; nothing is written before the first is added.

    Args:
        settings: whether they are allowed, and where the audit log is.
        database: of the service.
        transcriber: has what decodes audio and tells speakers apart.
        limits: of what a recording may hold.
    """
    return KnownSpeakers(
        database,
        VoiceSampler(transcriber.media, limits, transcriber.diarizer),
        AuditLog(settings.data / AUDIT_LOG),
        enabled=settings.known_speakers,
    )
