"""Whether a bundle's folder gives what the pipeline gives: measured in a process that has nothing of ours."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.bundle.query import Bundle
from sphering.encoder.parity import Parity, compare
from sphering.encoder.probe_texts import PROBE_TEXTS
from sphering.encoder.protocol import Approximation
from sphering.errors import ParityError
from sphering.text.normalise import changes, is_blank, normalise

EXACT = 1 - 1e-6
"""Where the corpus was encoded by PyTorch in float32, as the folder encodes."""
SANE = 0.9
"""Where another backend or precision encoded it. Whitening magnifies what the two differ by."""


def measure_parity(folder: Path, bundle: Bundle, texts: Sequence[str], *, remote_code: bool) -> dict[str, Any]:
    """Return how a folder's vectors of the probe's and the corpus' texts, as queries, stand to the pipeline's.

    Texts that are no queries, or of which the transform leaves nothing, are left out.

    Parameters
    ----------
    folder : Path
        What sentence-transformers opens.
    bundle : Bundle
        The pipeline.
    texts : sequence of str
        A sample of the corpus.
    remote_code : bool
        Whether the model's own code may run.

    Returns
    -------
    dict
        n, min_cosine, max_difference, equal, and `least`, the cosine that was asked for.

    Raises
    ------
    ParityError
        If the folder cannot be opened, or a cosine is less.
    """
    asked = _queries(bundle, texts)
    raw = bundle.encode_raw(asked)
    finite = np.isfinite(raw).all(axis=1, keepdims=True)
    expected = bundle.transform.apply(np.where(finite, raw, np.float32(0)))
    kept = expected.any(axis=1)
    parity = compare(_found(folder, asked, remote_code=remote_code)[kept], expected[kept])
    least = SANE if isinstance(bundle.encoder, Approximation) else EXACT
    _check(parity, least, bundle)
    return {**parity.to_json(), "least": least}


def _queries(bundle: Bundle, texts: Sequence[str]) -> list[str]:
    """Return all texts that are queries, where they are normalised also in a form that has to be."""
    given = [*PROBE_TEXTS, *texts]
    if changes(bundle.normalise):
        given += [f" \t{unicodedata.normalize('NFD', text)}\n" for text in PROBE_TEXTS]
    blank = is_blank(normalise(pa.array(given, pa.string()), bundle.normalise)).to_pylist()
    return [text for text, empty in zip(given, blank, strict=True) if not empty]


def _found(folder: Path, texts: list[str], *, remote_code: bool) -> NDArray[np.float32]:
    with tempfile.TemporaryDirectory(prefix="sphering-bundle-") as scratch:
        asked, answered = Path(scratch, "texts.json"), Path(scratch, "vectors.npy")
        asked.write_text(json.dumps(texts), encoding="utf-8")
        # -P: no folder of a script or of the caller is searched for modules.
        command = [sys.executable, "-P", str(Path(__file__).with_name("fresh.py")), str(folder), str(asked)]
        command += [str(answered), *(["trust-remote-code"] if remote_code else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        if done.returncode:
            raise ParityError(
                f"sentence-transformers does not open the folder: {(done.stderr.strip().splitlines() or ['?'])[-1]}",
                expected="a folder that SentenceTransformer(DIR) opens",
                where=str(folder),
                remedy="nothing was swapped in; use the transform alone: transform.npz with apply.py",
            )
        vectors: NDArray[np.float32] = np.load(answered)
        return vectors


def _check(parity: Parity, least: float, bundle: Bundle) -> None:
    if not parity.min_cosine >= least:
        raise ParityError(
            f"the folder's vectors differ from the pipeline's: least cosine {parity.min_cosine:.9f} over "
            f"{parity.n} texts",
            expected=f"at least {least:.9g}",
            where=f"encoder {bundle.encoder.identity.id}, transform {bundle.transform.sha256[:16]}",
            remedy="give [transform] a shrinkage where directions have almost no variance; search with "
            "`sphering.open(...).corpus(...).release().bundle()` meanwhile",
        )
