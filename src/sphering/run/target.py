"""What a run works on, in one word for people."""

from __future__ import annotations

from sphering.config.model import Config
from sphering.run.carry import MAIN


def target_of(config: Config) -> str:
    """Return the corpus of a configuration, and its channel where it is not main, as in `help@next`.

    The names of deployments, flow runs and artifacts have it, and what is said of a run: so two corpora, or a corpus
    and a trial of it in another channel, live side by side.
    """
    channel = config.run.channel
    return config.corpus if channel == MAIN else f"{config.corpus}@{channel}"
