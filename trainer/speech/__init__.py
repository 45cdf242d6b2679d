"""Sentences in, synthesised and augmented speech out."""
