"""Recipes, data and fine-tuning: a recipe in, a checkpoint that the service loads out."""
