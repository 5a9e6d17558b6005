"""Dataclasses that never change, and cost little to define.

Most of what it takes to import a package is to define its classes. `dataclasses` compiles six functions for each frozen
one. Here it compiles ``__init__`` alone, and all classes share the others.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, fields
from typing import TYPE_CHECKING, Final, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def immutable(cls: type[T]) -> type[T]:
    """Make a class what ``dataclass(frozen=True, slots=True, kw_only=True)`` would make of it, in a fifth of the time.

    What the class defines itself stays, and `dataclasses.replace` and its like work.
    """
    for name, method in _SHARED.items():
        if name not in vars(cls):
            setattr(cls, name, method)
    return dataclass(eq=False, repr=False, slots=True, kw_only=True)(cls)


def _compared(instance: DataclassInstance) -> tuple[object, ...]:
    return tuple([getattr(instance, each.name) for each in fields(instance) if each.compare])


def _equals(self: DataclassInstance, other: DataclassInstance) -> bool:
    return _compared(self) == _compared(other) if type(self) is type(other) else NotImplemented


def _hash(self: DataclassInstance) -> int:
    return hash(_compared(self))


def _representation(self: DataclassInstance) -> str:
    members = [f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr]
    return f"{type(self).__qualname__}({', '.join(members)})"


def _set_once(self: DataclassInstance, name: str, value: object) -> None:
    """Let ``__init__`` fill each slot, and nobody fill one again."""
    if hasattr(self, name):
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _keep(_: DataclassInstance, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


_SHARED: Final = {
    "__eq__": _equals,
    "__hash__": _hash,
    "__repr__": _representation,
    "__setattr__": _set_once,
    "__delattr__": _keep,
}
