"""Extracts clean sentences from Debian packages."""

from trainer.text.corpus import Corpus, read_corpus
from trainer.text.sentences import Sentences, collect, split_of

__all__ = ["Corpus", "Sentences", "collect", "read_corpus", "split_of"]
