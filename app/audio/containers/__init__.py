"""Recognises containers by their first bytes, and finds out whether a file is complete."""
