"""What the outside sees: the options of a request, its answers and the events of a live stream.

Only pydantic and the standard library are needed here, so that a client can use the same models.
"""
