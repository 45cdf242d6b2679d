"""Reads compressed audio and the sound of videos by FFmpeg (PyAV)."""
