"""Wrong uses of tensors and gradients."""

from __future__ import annotations

import pytensor as pt

x = pt.ones((2, 3))

pt.exponential(x)  # error
pt.exp()  # error
pt.exp(None)  # error
pt.sum(x, axes=0)  # error
pt.sum(x, axis="rows")  # error
pt.reshape(x)  # error
pt.zeros("three")  # error
pt.concat(x, dim=0)  # error
pt.linalg.inverse(x)  # error
x.reshaped((3, 2))  # error
x.shape = (3, 2)  # error
total = x + None  # error
shape: str = x.shape  # error
item: int = pt.exp(x)  # error
pt.grad(3)  # error
pt.set_num_threads("all")  # error
pt.GradientTape().grad(x, x)  # error
pt.random.seed("now")  # error
