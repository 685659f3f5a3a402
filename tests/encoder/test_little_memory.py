"""Too little memory makes batches smaller for the whole run, or is said; it never gives a wrong vector."""

from __future__ import annotations

import subprocess
import sys
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sphering.encoder.sentence_transformers.batching import ON_A_CORE, ON_AN_ACCELERATOR
from sphering.errors import ModelError

LIMITED = """
import resource, sys
from dataclasses import replace
import numpy as np
from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import identify, open_encoder
from sphering.encoder.probe_texts import PROBE_TEXTS
from sphering.encoder.sentence_transformers.batching import ON_AN_ACCELERATOR
from sphering.errors import ModelError

config = SentenceTransformersConfig(backend="torch")
encoder = open_encoder(identify(config, "torch"), config)
texts = [text for text in PROBE_TEXTS if len(text) < 200]
reference = encoder.encode(texts).vectors
encoder.pipeline.shapes = replace(ON_AN_ACCELERATOR, budget=int(sys.argv[1]))
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + int(sys.argv[2]) * 2**20,) * 2)
try:
    found = encoder.encode(texts).vectors
except ModelError as error:
    print("refused", error.found[:40])
else:
    print("lowered", encoder.batch_tokens, np.abs(found - reference).max() < 1e-6)
"""


def limited(budget: int, megabytes: int) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(budget), str(megabytes)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
def test_batches_become_smaller_where_memory_does_not_do_and_the_vectors_are_right(torch_encoder):
    word, tokens, right = limited(1 << 13, 24)
    assert (word, right) == ("lowered", "True")
    assert int(tokens) < 1 << 13


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
def test_memory_that_does_not_do_for_the_smallest_batch_is_said(torch_encoder):
    assert limited(64, 0)[:4] == ["refused", "memory", "does", "not"]


@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=50).map(np.array),
    shapes=st.sampled_from([ON_A_CORE, ON_AN_ACCELERATOR, replace(ON_A_CORE, texts=16)]),
)
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_batches_become_smaller_step_by_step_and_then_it_is_said(torch_encoder, lengths, shapes):
    """A batch cannot be less high than its bits allow: then memory that does not do for it is an error, at last."""
    pipeline = copy(torch_encoder.pipeline)
    pipeline.shapes = shapes
    sizes = []

    def lower_until_it_is_said():
        while True:
            batches = pipeline.plan(np.minimum(lengths, 256))
            sizes.append(max(batch.height * batch.padded for batch in batches))
            assert len(sizes) < 2 or sizes[-1] < sizes[-2]
            pipeline.lower(batches, "none is left")

    with pytest.raises(ModelError, match="memory does not do"):
        lower_until_it_is_said()
