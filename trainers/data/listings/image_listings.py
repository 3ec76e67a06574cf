"""Images and point clouds. What is here of them are arrays that the program wrote when it imported the archives."""

from __future__ import annotations

from trainers.data.listings.listing import FETCH, Archive, Listing

MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
CIFAR = "https://www.cs.toronto.edu/~kriz/"
SVHN = "http://ufldl.stanford.edu/housenumbers/"
OBJECTS = "what a small colour image shows"


def _arrays(
    name: str,
    task: str,
    n: int,
    shape: tuple[int, ...],
    classes: int,
    source: str,
    licence: str,
    *archives: Archive,
) -> Listing:
    how = f"run `{FETCH.format(name=name)}`, or `normsweep data import FILE` with the archive at hand"
    return Listing(
        task=task, n=n, shape=shape, classes=classes, source=source, licence=licence, how=how, archives=archives
    )


def _sample(name: str, classes: int) -> Listing:
    return Listing(
        task=OBJECTS,
        n=3000,
        shape=(3, 32, 32),
        classes=classes,
        source="2,000 training and 1,000 test images of Krizhevsky 2009",
        licence="not stated, free for research",
        how=f"put cifar/{name}_sample.npz (x_train, y_train, x_test, y_test, uint8 NHWC) into the folder of data sets",
    )


_SVHN_TRAIN = Archive(SVHN + "train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373")
_SVHN_TEST = Archive(SVHN + "test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3")
_SVHN_EXTRA = Archive(SVHN + "extra_32x32.mat", "a93ce644f1a588dc4d68dda5feec44a7")

IMAGES: dict[str, Listing] = {
    "mnist": _arrays(
        "mnist",
        "handwritten digit from its image",
        70000,
        (1, 28, 28),
        10,
        "LeCun et al. 1998",
        "CC BY-SA 3.0",
        Archive(MNIST + "train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        Archive(MNIST + "train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        Archive(MNIST + "t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        Archive(MNIST + "t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    "cifar10": _arrays(
        "cifar10",
        OBJECTS,
        60000,
        (3, 32, 32),
        10,
        "Krizhevsky 2009",
        "not stated, free for research",
        Archive(CIFAR + "cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a"),
    ),
    "cifar100": _arrays(
        "cifar100",
        OBJECTS,
        60000,
        (3, 32, 32),
        100,
        "Krizhevsky 2009",
        "not stated, free for research",
        Archive(CIFAR + "cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85"),
    ),
    "svhn": _arrays(
        "svhn",
        "digit of a house number",
        99289,
        (3, 32, 32),
        10,
        "Netzer et al. 2011, train and test",
        "non-commercial use",
        _SVHN_TRAIN,
        _SVHN_TEST,
    ),
    "svhn-extra": _arrays(
        "svhn-extra",
        "digit of a house number",
        630420,
        (3, 32, 32),
        10,
        "Netzer et al. 2011, train, extra and test",
        "non-commercial use",
        _SVHN_TRAIN,
        _SVHN_EXTRA,
        _SVHN_TEST,
    ),
    "tiny-imagenet": _arrays(
        "tiny-imagenet",
        OBJECTS,
        110000,
        (3, 64, 64),
        200,
        "Stanford CS231n; the validation part tests, the test part has no labels",
        "ImageNet's terms, research only",
        Archive("http://cs231n.stanford.edu/tiny-imagenet-200.zip", "90528d7ca1a48142e341f4ef8d21d0de"),
    ),
    "imagenette": _arrays(
        "imagenette",
        "which of ten easy things an image shows",
        13394,
        (3, 160, 160),
        10,
        "fast.ai's Imagenette 2, 160 pixels, cropped to the square in the middle",
        "Apache-2.0, images under ImageNet's terms",
        Archive("https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz", "e793b78cc4c9e9a4ccc0c1155377a412"),
    ),
    "imagenet": Listing(
        task="what an image shows",
        n=1331167,
        shape=(3, 224, 224),
        classes=1000,
        source="ILSVRC 2012, Russakovsky et al. 2015; the validation part tests",
        licence="research only, from image-net.org",
        how="run `normsweep data import FOLDER` with the folder that holds train/<wnid>/ and val/<wnid>/",
    ),
    "modelnet40": _arrays(
        "modelnet40",
        "what a point cloud shows",
        12308,
        (3, 1024),
        40,
        "Wu et al. 2015, points of Qi et al. 2017, the first 1,024 of each",
        "research only",
        Archive("https://shapenet.cs.stanford.edu/media/modelnet40_ply_hdf5_2048.zip"),
    ),
    "cifar10-sample": _sample("cifar10", 10),
    "cifar100-sample": _sample("cifar100", 100),
}
