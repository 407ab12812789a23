"""Pictures of tensors, networks and training, drawn with matplotlib (the extra [plot]).

Every function returns a new matplotlib Figure. pyplot is not used, so that no display is needed,
nothing is global and nothing has to be closed. With figure=, it draws into an existing Figure or
SubFigure. `save` writes a figure to a file. The colours can be told apart with any colour vision,
and are never the only carrier of information.

matplotlib is imported when the first picture is drawn.
"""

from __future__ import annotations

from pytensor.plot._descent import descent, race, surface, tangent
from pytensor.plot._figures import check_path, images, save
from pytensor.plot._graphs import program, tape
from pytensor.plot._tensors import anatomy, memory, plane_maps, through_layers, vector_sum
from pytensor.plot._training import confusion_matrix, curves, mistakes, report, weights

__all__ = [
    "anatomy",
    "check_path",
    "confusion_matrix",
    "curves",
    "descent",
    "images",
    "memory",
    "mistakes",
    "plane_maps",
    "program",
    "race",
    "report",
    "save",
    "surface",
    "tangent",
    "tape",
    "through_layers",
    "vector_sum",
    "weights",
]
