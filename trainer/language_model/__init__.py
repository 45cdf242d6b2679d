"""Sentences in, a KenLM language model in the layout the service loads out."""
