"""Structured records of what happens, for logs and for tools that draw them."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

Trace: TypeAlias = Callable[[float, str, Mapping[str, object]], None]
"""Called with the time, a name such as ``ice:connection_state_changed`` and plain values."""
