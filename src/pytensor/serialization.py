"""Objects as JSON: {"module": "layers", "class_name": "Dense", "config": {"units": 10, ...}}.

The config of an object is what its constructor was given: one entry per argument, read from the
attribute of that name. So a class of one's own that keeps its arguments under their names needs no
code for this, only a name to be found by:

    @serialization.register_serializable()
    class Scale(layers.Layer):
        def __init__(self, factor, **options):
            super().__init__(**options)
            self.factor = factor

Reading runs no code but that of this package's classes and of what was registered.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import importlib
import inspect
import json

import numpy as np

from pytensor._support.arguments import known as known_names
from pytensor._support.arguments import lookup, snake_case

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
_registered = {}  # "package>name" -> class or function
_names = {}  # the other way round
_scope = contextvars.ContextVar("custom_objects", default=None)


class Configurable:
    """What can be written as a config and made from it again.

    >>> config = pt.layers.Dense(3).get_config()
    >>> pt.layers.Dense.from_config(config).units
    3
    """

    def get_config(self):
        """Return the constructor's arguments by name, of a kind that JSON can hold.

        Raises:
            TypeError: an argument is not kept under its name, or holds what JSON cannot.
        """
        return constructor_config(self)

    @classmethod
    def from_config(cls, config):
        """Return a new object from what get_config returned.

        Raises:
            TypeError: config is no dictionary, or has an entry that the constructor does not take.
            ValueError: an entry holds a value that it does not take.
        """
        if not isinstance(config, dict):
            raise TypeError(f"{cls.__name__}: config: found {config!r}: expected a dictionary")
        return cls(**{name: _decoded(value) for name, value in config.items()})


def constructor_config(obj, **known):
    """The config of an object: known[name], or else its attribute, for each argument."""
    config = {}
    for name in _arguments(type(obj)):
        if name not in known and not hasattr(obj, name):
            raise TypeError(
                f"get_config: {type(obj).__name__} does not keep its argument {name!r} "
                "under that name: do so, or define get_config"
            )
        value = known[name] if name in known else getattr(obj, name)
        config[name] = _encoded(f"{type(obj).__name__}: {name}", value)
    return config


@functools.cache
def _arguments(cls):
    """The names of a constructor's arguments; those behind ** are the next class's."""
    names = []
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
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


def register_serializable(package="Custom", name=None):
    """Return a decorator that makes a class or a function known by the name "package>name".

    name: by default its own. What was registered under that name before is forgotten.

    >>> @pt.serialization.register_serializable("examples")
    ... class Thrice(pt.layers.Layer):
    ...     def call(self, x):
    ...         return 3 * x
    ...
    >>> pt.serialization.get_registered_name(Thrice)
    'examples>Thrice'
    """

    def register(obj):
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
        return obj

    return register


def get_registered_name(obj):
    """Return the name that a class or function was registered by, or else its own.

    >>> pt.serialization.get_registered_name(pt.layers.Dense)
    'Dense'
    """
    return _names.get(obj, obj.__name__)


@contextlib.contextmanager
def custom_object_scope(custom_objects):
    """Within this context, names are first looked up in a dictionary of classes and functions.

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


def _public_module(obj):
    """The module of this package where obj stands under its name, or None."""
    for module in MODULES:
        if getattr(importlib.import_module(f"pytensor.{module}"), obj.__name__, None) is obj:
            return module
    return None


def _named(name, module):
    """The class or function of a name."""
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


def by_name(classes):
    """Classes by their names, GlorotUniform, and as arguments have them, glorot_uniform.

    >>> sorted(pt.serialization.by_name([pt.layers.Dense]))
    ['Dense', 'dense']
    """
    return {cls.__name__: cls for cls in classes} | {
        snake_case(cls.__name__): cls for cls in classes
    }


def resolve(kind, identifier, base, known, functions=True):
    """What stands for an object of a base class, as that object: itself, its class, name or config.

    kind: of what, for the message: "loss". known: classes by name. functions: whether any callable
    stays itself.
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


def serialize(obj):
    """Return an object as a dictionary of class_name, config and, for this package's own, module.

    Raises:
        TypeError: obj has no get_config, or its config holds what JSON cannot.

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


def deserialize(config, custom_objects=None):
    """Return a new object from what serialize returned.

    custom_objects: classes and functions by name, besides those that were registered.
    Raises:
        TypeError, ValueError: config has another form, names a class that is not known, or holds
            arguments that the class does not take.

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


def to_json(obj, **options):
    """Return serialize(obj) as text; options: those of json.dumps.

    >>> pt.serialization.to_json(pt.regularizers.L2(0.1))
    '{"module": "regularizers", "class_name": "L2", "config": {"l2": 0.1}}'
    """
    return json.dumps(serialize(obj), allow_nan=False, **options)


def from_json(text, custom_objects=None):
    """Return a new object from what to_json returned; custom_objects: as for deserialize.

    Raises:
        TypeError, ValueError: text is no JSON, or not of an object that is known.

    >>> text = pt.serialization.to_json(pt.layers.Dense(3))
    >>> pt.serialization.from_json(text).units
    3
    """
    return deserialize(parse_json("from_json", text), custom_objects)


def parse_json(name, text):
    """Return what a text in JSON holds; ValueError, which begins with `name`, if it is none."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{name}: not JSON: {error}") from None
    except RecursionError:
        raise ValueError(f"{name}: not JSON that can be read: nested too deep") from None


def _encoded(name, value):
    """A value of a config in the types of JSON."""
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


def _decoded(value):
    """What _encoded made of an object, as the object; all else as it is."""
    if isinstance(value, list):
        return [_decoded(part) for part in value]
    if isinstance(value, dict):
        if {"class_name", "config"} <= value.keys():
            return deserialize(value)
        return {key: _decoded(part) for key, part in value.items()}
    return value
