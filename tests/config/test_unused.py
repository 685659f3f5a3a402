"""A setting that does nothing is told, and not passed over in silence."""

import pytest

from sphering.config.load import load
from sphering.config.model import Config
from sphering.config.unused import check_settings
from sphering.errors import ConfigError

START = 'corpus = "help"\n[source]\npath = "pages.jsonl"\n[transform]\n'


@pytest.fixture
def checked(tmp_path):
    """Read a [transform] table from a file and look for what does nothing in it."""

    def check(*lines, overrides=()):
        file = tmp_path / "sphering.toml"
        file.write_text(START + "\n".join(lines), encoding="utf-8")
        check_settings(load(file, overrides))

    return check


@pytest.mark.parametrize(
    ("lines", "found", "belongs"),
    [
        (('kind = "standard"', "power = 0.5"), 'power = 0.5 does nothing with kind = "standard"', 'kind = "whiten"'),
        (('kind = "whiten"', "components = 1"), 'components = 1 does nothing with kind = "whiten"', 'kind = "abtt"'),
        (('kind = "center"', 'shrinkage = "oas"'), 'shrinkage = "oas" does nothing with kind = "center"', "whiten"),
        (('refit = "always"', "max_drift = 0.1"), 'max_drift = 0.1 does nothing with refit = "always"', '"drift"'),
        (('refit = "never"', "max_drift = 0.02"), 'max_drift = 0.02 does nothing with refit = "never"', '"drift"'),
        (('weights = "texts"', "dimension = 9"), 'dimension = 9 does nothing with kind = "auto"', "the candidates of"),
    ],
)
def test_a_setting_of_another_kind_is_refused_with_the_kind_that_it_belongs_to(checked, lines, found, belongs):
    with pytest.raises(ConfigError) as raised:
        checked(*lines)
    assert found in raised.value.found
    assert belongs in str(raised.value.expected)
    assert f"`{found.split()[0]}`" in str(raised.value.remedy)
    assert str(raised.value.where).endswith("sphering.toml, line 6, in [transform]")


@pytest.mark.parametrize(
    ("lines", "found"), [("halves = 20\nscore = 's'", "no `pairs`"), ("halves = 20\nid = 'n'", "no `queries`")]
)
def test_a_column_of_a_file_that_is_not_given_is_refused(checked, lines, found):
    with pytest.raises(ConfigError, match=r"\[evaluation\]") as raised:
        checked("[evaluation]", lines)
    assert found in raised.value.found


def test_all_settings_that_do_nothing_are_told_at_once(checked):
    with pytest.raises(ConfigError) as raised:
        checked('kind = "none"', "power = 0.5", "soft = 1")
    assert "`soft` does nothing either" in str(raised.value.remedy)


@pytest.mark.parametrize(
    "lines",
    [
        ('kind = "auto"', 'weights = "texts"', "max_drift = 0.1"),
        ('kind = "abtt"', "components = 2", 'refit = "never"'),
        ('kind = "whiten"', 'form = "pca"', "power = 0", "dimension = 9", 'shrinkage = "oas"'),
        ('kind = "none"', 'weights = "texts"'),
    ],
)
def test_what_the_kind_reads_and_what_was_not_written_is_no_mistake(checked, lines):
    assert checked(*lines) is None


def test_a_table_given_for_one_command_takes_the_place_of_the_files(checked):
    lines = ('kind = "whiten"', "power = 0.5")
    with pytest.raises(ConfigError, match="power"):
        checked(*lines, overrides=["transform.kind=center"])
    checked(*lines, overrides=['transform={kind = "center"}'])


def test_a_stored_configuration_opens_as_it_was_accepted():
    stored = {"corpus": "c", "source": {"path": "x"}, "transform": {"kind": "standard", "power": 0.5}}
    assert Config.model_validate(stored).transform.power == 0.5


EXPORT = '[[export]]\nname = "index"\nformat = "{}"\nrecall_at_10 = 0.9\n'


@pytest.mark.parametrize(
    ("format_name", "key"),
    [("faiss", "nprobe"), ("hnswlib", "ef_search"), ("usearch", "expansion_search"), ("scann", "reorder")],
)
def test_a_search_setting_that_the_recall_chooses_is_refused(checked, format_name, key):
    with pytest.raises(ConfigError, match=f"sets {key}, which recall_at_10 chooses") as caught:
        checked('kind = "none"', EXPORT.format(format_name), f"{key} = 64")
    assert "line 11" in str(caught.value)
