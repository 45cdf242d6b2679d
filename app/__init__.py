"""Nordlyd: a self-hosted speech-to-text service for Norwegian and Danish."""
