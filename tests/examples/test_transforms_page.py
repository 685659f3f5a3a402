"""The example of docs/transforms.md is executed as it stands, and does what the page says of it."""

import re
from pathlib import Path

import numpy as np

PAGE = Path(__file__).parents[2] / "docs" / "transforms.md"


def test_the_example_of_the_estimators_does_what_its_comments_say(capsys):
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names = {}
    exec(block, names)
    assert capsys.readouterr().out.splitlines()[1] == "(5000, 4) True"
    z, back, vectors = (names[name] for name in ("z", "back", "vectors"))
    assert z.shape == (5000, 4)
    assert np.abs(z.var(axis=0) - 1).max() < 0.05
    assert back.shape == vectors.shape
    assert np.linalg.matrix_rank(back - back.mean(axis=0)) == 4
    assert names["units"].dtype == np.float32
