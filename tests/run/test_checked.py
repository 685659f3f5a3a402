"""What can be known to be wrong before anything is read is told with its place in the file."""

import pytest

from sphering.config.load import load
from sphering.errors import ConfigError
from sphering.run.begin import check

START = 'corpus = "c"\n[source]\npath = "texts.csv"\n[encoder]\nbackend = "torch"\n'


@pytest.fixture
def refusal(tmp_path):
    def of(text):
        (tmp_path / "texts.csv").write_text("id,text\n1,one\n", encoding="utf-8")
        file = tmp_path / "sphering.toml"
        file.write_text(START + text, encoding="utf-8")
        with pytest.raises(ConfigError) as raised:
            check(load(file))
        return raised.value, file

    return of


@pytest.mark.parametrize("metric", ["nonsense", "evaluation.pairs.raw.spearman", "transformed.rankme"])
def test_a_gate_that_nothing_measures_is_told_with_its_line(refusal, metric):
    known = '[[gate]]\nmetric = "documents"\nmin = 1\n'
    error, file = refusal(f'{known}[[gate]]\nmetric = "{metric}"\nmax = 1\n')
    assert metric in error.found
    assert error.where == f"{file}, line 10, in [[gate]] number 2"


def test_a_setting_of_the_transform_that_does_nothing_is_told_with_its_line(refusal):
    error, file = refusal('[transform]\nkind = "standard"\npower = 0.5\n')
    assert error.where == f"{file}, line 8, in [transform]"
