"""How the flow runs of this project, and those of one corpus, are told from others on a server."""

TAG = "sphering"


def tags_of(corpus: str) -> list[str]:
    """Return the tags of a corpus' flow runs."""
    return [TAG, corpus]
