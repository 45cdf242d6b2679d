"""Our encoder and others around the same random weights, each in a process of its own.

In: a shape, a device, a format. Out: seconds of each candidate, taken in turns. Processes of
their own keep thread pools apart, and allow ending one that takes far too long.
"""

from bench.peers.candidate import Spec
from bench.peers.comparison import Comparison, difference

__all__ = ["Comparison", "Spec", "difference"]
