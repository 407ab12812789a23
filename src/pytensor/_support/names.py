"""Names that modules do not have: older ones, those that do not exist yet, and misspelt ones."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from pytensor._support.arguments import known

# What Keras 3 has and this package has not, by module; tests/test_names.py checks the latter.
_OF_KERAS = {
    "layers": """
        AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
        AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D AdditiveAttention
        Attention AugMix AutoContrast CenterCrop ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D
        Cropping2D Cropping3D CutMix EinsumDense Equalization FlaxLayer GroupNormalization
        GroupQueryAttention HashedCrossing Hashing InputLayer InputSpec JaxLayer
        MaxNumBoundingBoxes MelSpectrogram MixUp Pipeline RMSNormalization RandAugment
        RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
        RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale
        RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation
        RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom Resizing
        ReversibleEmbedding STFTSpectrogram Solarization SpatialDropout1D SpatialDropout2D
        SpatialDropout3D SpectralNormalization TFSMLayer TorchModuleWrapper Wrapper""",
    "losses": "CTC CategoricalGeneralizedCrossentropy Circle Dice Tversky ctc dice tversky",
    "optimizers": "Adafactor Ftrl Lamb LossScaleOptimizer Muon",
    "callbacks": "RemoteMonitor SwapEMAWeights",
    "metrics": """
        BinaryIoU ConcordanceCorrelation IoU MeanIoU MeanMetricWrapper OneHotIoU OneHotMeanIoU
        PearsonCorrelation PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity
        SpecificityAtSensitivity""",
    "models": "clone_model",
    "utils": """
        Config CustomObjectScope FeatureSpace PyDataset Sequence array_to_img
        audio_dataset_from_directory get_file image_dataset_from_directory img_to_array load_img
        model_to_dot normalize save_img split_dataset text_dataset_from_directory""",
    "pytensor": "applications mixed_precision quantizers tree visualization wrappers Variable",
}


def renamed(module: str, name: str, older: Mapping[str, str], namespace: Mapping[str, Any]) -> Any:
    """Return what an older name stands for, with a DeprecationWarning; for a `__getattr__`.

    Args:
        module: The module, without "pytensor.".
        name: The name that was looked up.
        older: The new names by the older ones.
        namespace: The globals of the module.

    Raises:
        AttributeError: The name is not an older one; the message says whether Keras has it, and
            what is similar.
    """
    if name not in older:
        raise missing(module, name, namespace)
    warnings.warn(
        f"{module}.{name}: write {module}.{older[name]}", DeprecationWarning, stacklevel=3
    )
    return namespace[older[name]]


def yet(module: str, name: str) -> str:
    """Return what a message adds about a name that Keras has, "" for other names."""
    known_there = name in _OF_KERAS.get(module, "").split()
    return " yet: docs/keras.md lists what is supported" if known_there else ""


def missing(module: str, name: str, namespace: Mapping[str, Any]) -> AttributeError:
    """Return the error for a name that a module does not have."""
    place = "pytensor" if module == "pytensor" else f"pytensor.{module}"
    text = f"module {place!r} has no attribute {name!r}"
    if not name.startswith("_"):
        if yet(module, name):
            text += yet(module, name)
        else:
            public = namespace.get("__all__") or [n for n in namespace if not n.startswith("_")]
            hint = known(name, [*public, *_OF_KERAS.get(module, "").split()])
            if hint.startswith("did you mean"):
                text += f": {hint}"
    return AttributeError(text, name=name)
