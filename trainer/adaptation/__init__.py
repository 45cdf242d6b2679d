"""Language models of an organisation's own texts and names, mixed with what a model has.

Nothing is imported here: the command line takes the options of `command` without numpy.
"""
