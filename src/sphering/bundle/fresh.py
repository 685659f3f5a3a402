"""A program: the vectors that a folder gives to whoever has sentence-transformers and nothing of ours.

python -P fresh.py FOLDER TEXTS.json VECTORS.npy [trust-remote-code]
"""

import json
import sys
from pathlib import Path


def main(folder: str, texts: str, vectors: str, *remote_code: str) -> None:
    """Encode a JSON list of texts as the folder does by itself, and write the vectors, (n, k) float32."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device="cpu", trust_remote_code=bool(remote_code))
    found = model.encode(json.loads(Path(texts).read_text(encoding="utf-8")), show_progress_bar=False)
    if any(name.split(".")[0] == "sphering" for name in sys.modules):
        raise SystemExit("sphering was imported: this is no plain process")
    np.save(vectors, found)


if __name__ == "__main__":
    main(*sys.argv[1:])
