"""Packages in, clean sentences out."""
