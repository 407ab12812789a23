"""Objects as JSON: {"module": "layers", "class_name": "Dense", "config": {"units": 10, ...}}.

The config of an object contains the arguments of its constructor, each read from the attribute of
that name. A custom class that keeps its arguments under their names needs no code for this, only a
name to be found by:

    @serialization.register_serializable()
    class Scale(layers.Layer):
        def __init__(self, factor, **options):
            super().__init__(**options)
            self.factor = factor

Reading runs no code except that of this package and of registered classes and functions.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import importlib
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pytensor._support.arguments import known as known_names
from pytensor._support.arguments import lookup, snake_case

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "Configurable",
    "custom_object_scope",
    "deserialize",
    "from_json",
    "get_registered_name",
    "register_serializable",
    "serialize",
    "to_json",
]

# Where classes and functions are known by their plain names.
MODULES = (
    "layers",
    "models",
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "optimizers",
    "schedules",
    "metrics",
)
_registered: dict[str, Any] = {}  # "package>name" -> class or function
_names: dict[Any, str] = {}  # class or function -> "package>name"
_scope: contextvars.ContextVar[Mapping[str, Any] | None] = contextvars.ContextVar(
    "custom_objects", default=None
)

_Class = TypeVar("_Class")
_Object = TypeVar("_Object", bound=Callable[..., Any])


class Configurable:
    """Base class of objects that can be written as a config and created from it again.

    >>> config = pt.layers.Dense(3).get_config()
    >>> pt.layers.Dense.from_config(config).units
    3
    """

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name, as values that JSON can hold.

        Raises:
            TypeError: an argument is not kept under its name, or JSON cannot hold its value.
        """
        return constructor_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return a new object from what get_config returned.

        Args:
            config: the constructor's arguments by name.

        Raises:
            TypeError: config is not a dictionary, or the constructor has no such argument.
            ValueError: the constructor refuses a value.
        """
        if not isinstance(config, dict):
            raise TypeError(f"{cls.__name__}: config: found {config!r}: expected a dictionary")
        return cls(**{name: _decoded(value) for name, value in config.items()})


def constructor_config(obj: Any, **known: Any) -> dict[str, Any]:
    """Return the config of an object: for each argument known[name], or else the attribute."""
    config = {}
    for name in constructor_arguments(type(obj)):  # type: ignore[arg-type]
        if name not in known and not hasattr(obj, name):
            raise TypeError(
                f"get_config: {type(obj).__name__} does not keep its argument {name!r} "
                "under that name: do so, or define get_config"
            )
        value = known[name] if name in known else getattr(obj, name)
        config[name] = _encoded(f"{type(obj).__name__}: {name}", value)
    return config


@functools.cache
def constructor_arguments(cls: type[Any]) -> list[str]:
    """Return the names of a constructor's arguments; ** stands for those of the next base class."""
    names: list[str] = []
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
        passes_on = any(p.kind is p.VAR_KEYWORD for p in parameters)
        names += [
            p.name
            for p in parameters
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name not in names
        ]
        if not passes_on:
            break
    return names


# --------------------------------------------------------------------------- names of classes


def register_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[_Object], _Object]:
    """Return a decorator that registers a class or a function under the name "package>name".

    An earlier registration of the same name is dropped.

    Args:
        package: the first part of the name.
        name: the second part; by default the name of the class or function.

    >>> @pt.serialization.register_serializable("examples")
    ... class Thrice(pt.layers.Layer):
    ...     def call(self, x):
    ...         return 3 * x
    ...
    >>> pt.serialization.get_registered_name(Thrice)
    'examples>Thrice'
    """

    def register(obj: _Object) -> _Object:
        if not callable(obj):
            raise TypeError(f"register_serializable: found {obj!r}: expected a class or a function")
        if isinstance(obj, type) and not callable(getattr(obj, "get_config", None)):
            raise TypeError(
                f"register_serializable: {obj.__name__} has no get_config: expected a "
                "Layer, a Loss ... or a subclass of serialization.Configurable"
            )
        registered_name = f"{package}>{obj.__name__ if name is None else name}"
        _names.pop(_registered.get(registered_name), None)
        _registered[registered_name] = obj
        _names[obj] = registered_name
        return obj  # pyright: ignore[reportReturnType]  # narrowed by callable

    return register


def get_registered_name(obj: Callable[..., Any]) -> str:
    """Return the name under which a class or function was registered, or else its own name.

    >>> pt.serialization.get_registered_name(pt.layers.Dense)
    'Dense'
    """
    return _names.get(obj, obj.__name__)


@contextlib.contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Look names up first in a dictionary of classes and functions, within this context.

    Args:
        custom_objects: the classes and functions by name.

    >>> class Twice(pt.layers.Layer):
    ...     def call(self, x):
    ...         return 2 * x
    ...
    >>> config = pt.serialization.serialize(Twice())
    >>> with pt.serialization.custom_object_scope({"Twice": Twice}):
    ...     layer = pt.serialization.deserialize(config)
    ...
    >>> layer([[1.0]])
    Tensor([[2.]], dtype=float32)
    """
    token = _scope.set({**(_scope.get() or {}), **(custom_objects or {})})
    try:
        yield
    finally:
        _scope.reset(token)


def _public_module(obj: Any) -> str | None:
    """Return the module of this package that has obj under its name, or None."""
    for module in MODULES:
        if getattr(importlib.import_module(f"pytensor.{module}"), obj.__name__, None) is obj:
            return module
    return None


def _named(name: str, module: str | None) -> Any:
    """Return the class or function of a name."""
    custom = {**_registered, **(_scope.get() or {})}
    if name in custom:
        return custom[name]
    if module is None:
        raise ValueError(
            f"deserialize: unknown class or function {name!r}: name it with "
            "serialization.register_serializable, or give it in custom_objects"
        )
    if module not in MODULES:
        raise ValueError(
            f"deserialize: module: found {module!r}: expected one of {', '.join(MODULES)}"
        )
    classes = {
        key: value
        for key, value in vars(importlib.import_module(f"pytensor.{module}")).items()
        if isinstance(value, type) and issubclass(value, Configurable)
    }
    if name not in classes:
        raise ValueError(
            f"deserialize: unknown class {name!r} in {module}: {known_names(name, classes)}"
        )
    return classes[name]


def by_name(classes: Iterable[type[_Class]]) -> dict[str, type[_Class]]:
    """Return classes by their names, in both forms: GlorotUniform and glorot_uniform.

    >>> sorted(pt.serialization.by_name([pt.layers.Dense]))
    ['Dense', 'dense']
    """
    return {cls.__name__: cls for cls in classes} | {
        snake_case(cls.__name__): cls for cls in classes
    }


def resolve(
    kind: str, identifier: Any, base: type[Any], known: Mapping[str, Any], functions: bool = True
) -> Any:
    """Return the object of a base class that an identifier stands for.

    Args:
        kind: of what, for the message: "loss".
        identifier: such an object, its class, its name or its config.
        base: the base class.
        known: classes by name.
        functions: whether any other callable is returned as it is.
    """
    if isinstance(identifier, dict):
        identifier = deserialize(identifier)
    if isinstance(identifier, base):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, base):
        return identifier()
    if functions and callable(identifier):
        return identifier
    return lookup(kind, identifier, known)()


# --------------------------------------------------------------------------------- and back


def serialize(obj: Any) -> dict[str, Any]:
    """Return an object as a dictionary with class_name, config and, for this package's own, module.

    Args:
        obj: an object with get_config.

    Raises:
        TypeError: obj has no get_config, or JSON cannot hold its config.

    >>> pt.serialization.serialize(pt.regularizers.L2(0.1))
    {'module': 'regularizers', 'class_name': 'L2', 'config': {'l2': 0.1}}
    """
    if not callable(getattr(obj, "get_config", None)) or isinstance(obj, type):
        raise TypeError(f"serialize: found {obj!r}: expected an object with get_config")
    cls = type(obj)
    module = None if cls in _names else _public_module(cls)
    named = {
        "class_name": get_registered_name(cls),
        "config": _encoded(f"{cls.__name__}: config", obj.get_config()),
    }
    return named if module is None else {"module": module, **named}


def deserialize(config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return a new object from what serialize returned.

    Args:
        config: a dictionary with class_name and config.
        custom_objects: classes and functions by name, in addition to the registered ones.

    Raises:
        TypeError: config has another form, or the class does not take these arguments.
        ValueError: the class is unknown, or refuses a value.

    >>> config = pt.serialization.serialize(pt.layers.Dense(3))
    >>> pt.serialization.deserialize(config).units
    3
    """
    if not (
        isinstance(config, dict)
        and isinstance(config.get("class_name"), str)
        and "config" in config
    ):
        raise TypeError(
            f"deserialize: found {config!r}: expected a dictionary with class_name and config"
        )
    with custom_object_scope(custom_objects):
        if config["class_name"] == "function":
            return _named(config["config"], None)
        try:
            return _named(config["class_name"], config.get("module")).from_config(config["config"])
        except RecursionError:
            raise ValueError(f"deserialize: {config['class_name']}: nested too deep") from None


def to_json(obj: Any, **options: Any) -> str:
    """Return serialize(obj) as JSON text.

    Args:
        obj: an object with get_config.
        **options: passed to json.dumps.

    >>> pt.serialization.to_json(pt.regularizers.L2(0.1))
    '{"module": "regularizers", "class_name": "L2", "config": {"l2": 0.1}}'
    """
    return json.dumps(serialize(obj), allow_nan=False, **options)


def from_json(text: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return a new object from what to_json returned.

    Args:
        text: JSON.
        custom_objects: classes and functions by name, in addition to the registered ones.

    Raises:
        TypeError: the text does not describe an object, or its class does not take the arguments.
        ValueError: the text is not JSON, the class is unknown, or it refuses a value.

    >>> text = pt.serialization.to_json(pt.layers.Dense(3))
    >>> pt.serialization.from_json(text).units
    3
    """
    return deserialize(parse_json("from_json", text), custom_objects)


def parse_json(name: str, text: str) -> Any:
    """Return the value of a JSON text; a ValueError about another text begins with `name`."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{name}: not JSON: {error}") from None
    except RecursionError:
        raise ValueError(f"{name}: not JSON that can be read: nested too deep") from None


def _encoded(name: str, value: Any) -> Any:
    """Return a value of a config in the types of JSON."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _encoded(f"{name}: {key}", part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encoded(name, part) for part in value]
    if isinstance(value, np.dtype):
        return value.name
    if hasattr(value, "get_config") and not isinstance(value, type):
        return serialize(value)
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy, tensors
        return value.tolist()
    if callable(value) and getattr(value, "__name__", "<lambda>") != "<lambda>":
        if value not in _names and _public_module(value) is not None:
            return value.__name__
        return {"class_name": "function", "config": get_registered_name(value)}
    raise TypeError(
        f"{name}: {value!r} cannot be written as JSON: expected a number, a text, an "
        "object with get_config or a function with a name"
    )


def _decoded(value: Any) -> Any:
    """Turn what _encoded made of an object into the object; other values stay."""
    if isinstance(value, list):
        return [_decoded(part) for part in value]
    if isinstance(value, dict):
        if {"class_name", "config"} <= value.keys():
            return deserialize(value)
        return {key: _decoded(part) for key, part in value.items()}
    return value
