"""The part of the command line that runs the service on this machine."""
