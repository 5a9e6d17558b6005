"""`dataclass` as in the standard library, for a third of the price. The same file stands in every package.

Importing a package is, above all, defining its classes. `dataclasses` compiles every method of every class by itself, up
to six for a frozen one, which takes 0.4 ms. Here ``__init__`` alone is compiled, and not before it is asked for, as most
programs make objects of few of the classes that they import; the other methods are written once.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, field
from operator import attrgetter
from types import FunctionType, MethodType
from typing import Any, Literal, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(field_specifiers=(field,))
def dataclass(
    *,
    slots: Literal[True],
    frozen: bool = False,
    kw_only: bool = False,
    init: bool = True,
    eq: bool = True,
) -> Callable[[type[T]], type[T]]:
    """Return the decorator that `dataclasses.dataclass` returns for the same options.

    What a class defines itself stays. `dataclasses.fields`, `dataclasses.replace` and the like work.
    """

    def define(cls: type[T]) -> type[T]:
        made = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only, slots=slots)(cls)
        members = dataclasses.fields(made)  # type: ignore[arg-type] # mypy knows dataclasses by their decorator alone
        methods: dict[str, object] = {"__repr__": _representation([each.name for each in members if each.repr])}
        if init:
            methods["__init__"] = _Initializer(made, members, frozen=frozen)
        if eq:
            equals, hashed = _comparison([each.name for each in members if each.compare])
            methods |= {"__eq__": equals, "__hash__": hashed if frozen else None}
        if frozen:
            methods |= {"__setattr__": _set_once, "__delattr__": _keep}
            vars(made)["__dataclass_params__"].frozen = True  # for those who make a frozen class of it in their turn
        for name, method in methods.items():
            if vars(cls).get(name) is None:
                setattr(made, name, method)
        return made

    return define


class _Initializer:
    """Stands for ``__init__`` until someone asks the class for it, and compiles it then."""

    def __init__(self, cls: type, members: tuple[dataclasses.Field[object], ...], *, frozen: bool) -> None:
        self._cls = cls
        self._members = members
        self._frozen = frozen

    def __get__(self, instance: object, owner: type) -> Callable[..., None]:
        made = _compile(self._cls, self._members, frozen=self._frozen)
        self._cls.__init__ = made  # type: ignore[misc] # on purpose
        return made if instance is None else MethodType(made, instance)


def _compile(cls: type, members: tuple[dataclasses.Field[object], ...], *, frozen: bool) -> FunctionType:
    """Make an ``__init__``; that of a frozen class fills slots, and passes by `_set_once`, which would take five times as long."""
    known: dict[str, object] = {}
    body = ""
    for each in members:
        name = value = each.name
        if each.default is not MISSING:
            known[f"_{name}"] = each.default
        elif each.default_factory is not MISSING:
            known[f"_{name}"] = each.default_factory
            value = f"_{name}() if {name} is _{name} else {name}"
        if frozen:
            known[f"_set_{name}"] = getattr(cls, name).__set__
        body += f"  _set_{name}(self, {value})\n" if frozen else f"  self.{name} = {value}\n"
    body += "  self.__post_init__()\n" if hasattr(cls, "__post_init__") else "  return\n"
    keyword = [each.name for each in members if each.kw_only]
    parameters = ["self", *[each.name for each in members if not each.kw_only], *(["*", *keyword] if keyword else [])]
    signature = ", ".join([f"{name}=_{name}" if f"_{name}" in known else name for name in parameters])
    source = f"def make({', '.join(known)}):\n def __init__({signature}):\n{body} return __init__"
    namespace: dict[str, Any] = {}
    exec(source, vars(sys.modules[cls.__module__]), namespace)  # noqa: S102 - as `dataclasses` does
    made: FunctionType = namespace["make"](**known)
    made.__annotations__ = {each.name: each.type for each in members} | {"return": None}
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _representation(names: list[str]) -> Callable[[object], str]:
    def representation(self: object) -> str:
        members = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"{type(self).__qualname__}({members})"

    return representation


def _comparison(names: list[str]) -> tuple[Callable[[object, object], bool], Callable[[object], int]]:
    key: Callable[[object], object] = attrgetter(*names) if names else type

    def equals(self: object, other: object) -> bool:
        if self is other:
            return True
        return key(self) == key(other) if type(self) is type(other) else NotImplemented

    def hashed(self: object) -> int:
        return hash(key(self))

    return equals, hashed


def _set_once(self: object, name: str, value: object) -> None:
    """Let copies and pickles fill each field, and nobody fill one again."""
    if hasattr(self, name):
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    object.__setattr__(self, name, value)


def _keep(_: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
