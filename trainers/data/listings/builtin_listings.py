"""Data sets that need no download: scikit-learn's, and those that a rule generates."""

from __future__ import annotations

from trainers.data.listings.listing import Listing


def _bundled(task: str, n: int, d: int, classes: int, source: str, function: str) -> Listing:
    return Listing(
        task=task,
        n=n,
        shape=(d,),
        classes=classes,
        source=f"{source}, bundled with scikit-learn",
        licence="CC BY 4.0",
        maker=f"embedded:{function}",
        libraries=("scikit-learn",),
    )


def _generated(task: str, n: int, d: int, classes: int, source: str, function: str) -> Listing:
    return Listing(
        task=task, n=n, shape=(d,), classes=classes, source=source, licence="none needed", maker=f"generated:{function}"
    )


def _drawn(task: str, n: int, shape: tuple[int, ...], classes: int, function: str) -> Listing:
    return Listing(
        task=task,
        n=n,
        shape=shape,
        classes=classes,
        source="drawn by rule, for trying out models",
        licence="none needed",
        maker=f"drawn:{function}",
    )


CART = "rule of Breiman et al. 1984, Classification and Regression Trees"
ARCING = "rule of Breiman 1996, Bias, variance, and arcing classifiers"
PLANE = "made by rule, as the star of Balestriero and Baraniuk 2022, Figure 3"
FIGURE_7 = "rule of Balestriero and Baraniuk 2022, Figure 7"

BUILTIN: dict[str, Listing] = {
    "optical-test": _bundled("handwritten digit from its bitmap", 1797, 62, 10, "UCI 80, test part", "optical_test"),
    "wine": _bundled("cultivar of a wine from its chemistry", 178, 13, 3, "UCI 109", "wine"),
    "breast_cancer": _bundled("malignant or benign tumour", 569, 30, 2, "UCI 17", "breast_cancer"),
    "iris": _bundled("species of an iris", 150, 4, 3, "UCI 53", "iris"),
    "waveform-generated": _generated("which two of three waves are mixed", 5000, 21, 3, CART, "waveform"),
    "waveform-noise-generated": _generated(
        "which two of three waves are mixed, with 19 columns of noise", 5000, 40, 3, CART, "waveform_noise"
    ),
    "twonorm-generated": _generated("one of two shifted normal distributions", 7400, 20, 2, ARCING, "twonorm"),
    "ringnorm-generated": _generated("one of two concentric normal distributions", 7400, 20, 2, ARCING, "ringnorm"),
    "led-display-generated": _generated("digit of a display with faulty lines", 1000, 7, 10, CART, "led_display"),
    "stars-generated": _generated("one of two nested stars in the plane", 2000, 2, 2, PLANE, "stars"),
    "gaussians-generated": _generated("nothing: three normal columns", 1700, 3, 2, FIGURE_7, "gaussians"),
    "shapes-generated": _drawn("which of ten shapes an image shows", 800, (3, 32, 32), 10, "shapes"),
    "clouds-generated": _drawn("which of four bodies a point cloud shows", 400, (3, 64), 4, "clouds"),
}
