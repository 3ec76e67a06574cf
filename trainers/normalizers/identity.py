"""No normalization: the baseline of every comparison."""

from trainers.normalizers.method import Method, Site


class Identity(Method):
    """û = u; the layer keeps its bias."""

    def __init__(self, site: Site) -> None:
        super().__init__()
