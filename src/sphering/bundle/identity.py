"""What a bundle is made of, and its id."""

from __future__ import annotations

from typing import Any

from sphering.config.model import NormaliseConfig
from sphering.identity import short_id

BUNDLE_VERSION = 1


def bundle_document(
    encoder: str, query_prompt: str, normalise: NormaliseConfig, transform_sha256: str
) -> dict[str, Any]:
    """Return what a bundle is made of, as JSON values: its `id` is the id over the rest."""
    content = {
        "encoder": encoder,
        "query_prompt": query_prompt,
        "normalise": normalise.model_dump(mode="json"),
        "transform_sha256": transform_sha256,
        "v": BUNDLE_VERSION,
    }
    return {"id": short_id(content), **content}
