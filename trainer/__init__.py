"""Trains, evaluates and exports the models that the service loads, from recipes."""
