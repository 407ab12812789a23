"""The version of this distribution, as in pyproject.toml and meson.build."""

__version__ = "0.1.0"
