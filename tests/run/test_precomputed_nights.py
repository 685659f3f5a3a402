"""Nights over vectors that were made elsewhere: what comes and goes, what changed, what is missing."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sphering.cli.app import app
from sphering.config.load import load
from sphering.config.model import Config
from sphering.doctor import model as doctor
from sphering.encoder.look_up import LookUpProbe
from sphering.encoder.probe import read_any_probe, read_probe
from sphering.errors import IdentityError, InputError, IntegrityError, ProbeError
from sphering.maintenance.verify import verify
from sphering.run.begin import begin
from sphering.run.embed import embed_unit
from sphering.run.finish import abandon
from sphering.run.ingest import ingest
from sphering.run.probe import mixed_bits
from sphering.run.search import search
from sphering.run.units import plan_units
from sphering.store.store import Store

TEXTS = [f"question number {number}" for number in range(300)]
VECTORS = dict(zip(TEXTS, np.random.default_rng(5).standard_normal((300, 12)).astype(np.float32), strict=True))


@pytest.fixture
def source(tmp_path):
    """Return a function that writes documents and vectors, and returns the configuration of a night over them."""

    def write(texts, vectors=VECTORS, **tables):
        rows = {"id": [f"d-{text}" for text in texts], "text": list(texts)}
        pq.write_table(pa.table(rows), tmp_path / "source.parquet")
        columns = {"text": list(vectors), "embedding": [vector.tolist() for vector in vectors.values()]}
        schema = pa.schema([("text", pa.string()), ("embedding", pa.list_(pa.float32()))])
        pq.write_table(pa.table(columns, schema=schema), tmp_path / "vectors.parquet")
        settings = {
            "corpus": "questions",
            "base": str(tmp_path),
            "store": str(tmp_path / "store"),
            "source": {"path": str(tmp_path / "source.parquet")},
            "encoder": {"kind": "precomputed", "identity": "a model", "vectors": str(tmp_path / "vectors.parquet")},
            "transform": {"kind": "none"},
            "export": [{"name": "matrix", "format": "npy"}],
            "run": {"unit_rows": 50},
        }
        return Config.model_validate(settings | tables)

    return write


def refused(config, kind, match):
    """Run a night that its vectors stop while it encodes."""
    workspace = begin(config)
    ingest(workspace)
    assert plan_units(workspace).count > 0
    with pytest.raises(kind, match=match) as raised:
        embed_unit(workspace, 0)
    abandon(workspace, raised.value)


def corpus_of(config):
    return Store.at(config.store).corpus(config.corpus)


def probe_of(config):
    (path,) = (corpus_of(config).files.root / "corpora").rglob("probe.parquet")
    return path


def test_a_release_holds_the_vectors_of_the_files_and_finds_by_a_text_that_has_one(source, run):
    config = source(TEXTS[:200])
    result = run(config)
    assert (result["release_status"], result["encoded"], result["probe"]["bits"]) == ("published", 200, "equal")
    corpus = corpus_of(config)
    table = pa.Table.from_batches(corpus.snapshot(result["snapshot"]).batches(["text", "embedding"], 1000))
    found = {row["text"]: row["embedding"] for row in table.to_pylist()}
    assert found == {text: VECTORS[text].tolist() for text in TEXTS[:200]}
    assert search(corpus, "published", TEXTS[7], 1)["hits"][0]["doc_id"] == f"d-{TEXTS[7]}"
    with pytest.raises(InputError, match="no vector for this query"):
        search(corpus, "published", "what nobody made a vector of", 1)
    assert verify(corpus).sound


def test_rows_come_and_go_from_night_to_night_under_one_identity(source, run):
    first = run(source(TEXTS[:200], {text: VECTORS[text] for text in TEXTS[:200]}))
    second = run(source(TEXTS[40:220], {text: VECTORS[text] for text in TEXTS[40:220]}))
    assert (first["encoded"], second["encoded"], second["release_status"]) == (200, 20, "published")
    assert 0 < second["probe"]["texts"] < 64
    assert run(source(TEXTS[40:220]))["release_status"] == "unchanged"


def test_a_vector_that_changed_under_its_identity_stops_the_night(source, run):
    run(source(TEXTS[:200]))
    changed = {text: np.nextafter(vector, np.float32(9)) for text, vector in VECTORS.items()}
    config = source(TEXTS[:201], changed)
    refused(config, ProbeError, r"vectors\.parquet changed under their identity: 64 of 64 texts")
    assert corpus_of(config).refs.read("main", "latest").number == 1


def test_where_none_of_the_probes_texts_is_left_the_record_says_so(source, run):
    run(source(TEXTS[:100], {text: VECTORS[text] for text in TEXTS[:100]}))
    result = run(source(TEXTS[100:190], {text: VECTORS[text] for text in TEXTS[100:]}))
    assert (result["release_status"], result["probe"]["bits"], result["probe"]["texts"]) == ("published", "unknown", 0)
    assert "nothing tells whether the vectors are still those of their identity" in mixed_bits(result["probe"])


def test_a_probe_of_looked_up_vectors_keeps_no_text_and_no_vector(source, run):
    config = source(TEXTS[:100], source={"path": source(TEXTS[:100]).source.path, "keep_text": False})
    run(config)
    stored = read_any_probe(probe_of(config))
    assert isinstance(stored, LookUpProbe)
    assert set(pq.read_table(probe_of(config)).column_names) == {"text_hash", "vector_hash"}
    assert all(len(value) == 64 for pair in stored.vector_hashes.items() for value in pair)
    with pytest.raises(IntegrityError, match="looks vectors up"):
        read_probe(probe_of(config))


def test_an_edited_probe_is_found(source, run):
    config = source(TEXTS[:100])
    run(config)
    table = pq.read_table(probe_of(config))
    hashes = pa.array(["0" * 64, *table["vector_hash"].to_pylist()[1:]])
    pq.write_table(table.set_column(1, "vector_hash", hashes), probe_of(config))
    assert [found["kind"] for found in verify(corpus_of(config)).wrong] == ["probe"]


def test_documents_without_a_vector_stop_the_night_before_anything_is_written(source, run):
    run(source(TEXTS[:100]))
    config = source([*TEXTS[:100], "a new one", "another"], VECTORS)
    refused(config, InputError, "2 of 2 texts have no vector")
    assert corpus_of(config).refs.read("main", "latest").number == 1
    made = VECTORS | {text: np.ones(12, np.float32) for text in ("a new one", "another")}
    assert run(source([*TEXTS[:100], "a new one", "another"], made))["release_status"] == "published"


def test_texts_whose_vector_is_zero_or_no_number_are_quarantined(source, run):
    broken = VECTORS | {TEXTS[3]: np.zeros(12, np.float32), TEXTS[4]: np.full(12, np.nan, np.float32)}
    result = run(source(TEXTS, broken))
    assert (result["documents"], result["quarantined"], result["release_status"]) == (298, 2, "published")


def test_texts_are_matched_as_the_run_normalises_them(source, run):
    spaced = {f"  {text}\n": vector for text, vector in VECTORS.items()}
    plain = source(list(spaced), spaced)
    encoder = plain.encoder.model_dump(exclude_unset=True) | {"strip": True}
    result = run(source(list(spaced), spaced, normalise={"strip": True}, encoder=encoder))
    assert (result["documents"], result["encoded"]) == (300, 300)
    assert search(corpus_of(plain), "published", f"\t{TEXTS[9]}", 1)["hits"][0]["score"] == 1.0


def test_another_normalisation_than_the_encoders_is_refused_with_the_key_to_set(tmp_path):
    file = tmp_path / "sphering.toml"
    file.write_text(
        'corpus = "c"\n[source]\npath = "x.parquet"\n[normalise]\nunicode = "NFC"\n'
        '[encoder]\nkind = "precomputed"\nidentity = "m"\nvectors = "v.parquet"\n'
    )
    with pytest.raises(InputError, match='set unicode = "NFC" under \\[encoder\\]'):
        load(file)
    config = load(file, ['encoder.unicode="NFC"'])
    assert config.encoder.vectors == str(tmp_path / "v.parquet")


def test_queries_of_an_evaluation_are_looked_up_like_documents(source, run, tmp_path):
    pq.write_table(pa.table({"_id": ["q"], "text": [TEXTS[250]]}), tmp_path / "queries.parquet")
    pq.write_table(
        pa.table({"query_id": ["q"], "doc_id": [f"d-{TEXTS[1]}"], "relevant": [1]}), tmp_path / "qrels.parquet"
    )
    files = {"queries": str(tmp_path / "queries.parquet"), "qrels": str(tmp_path / "qrels.parquet")}
    assert run(source(TEXTS[:200], evaluation=files))["release_status"] == "published"


def test_encoding_again_compares_with_the_files_as_they_are_now(source, run):
    config = source(TEXTS[:100])
    run(config)

    def again():
        done = CliRunner().invoke(app, ["verify", "--store", config.store, "--reencode", "1000", "--json"])
        return done.exit_code, json.loads(done.stdout) if done.stdout else done.stderr

    code, found = again()
    assert (code, found["sound"], found["reencoded"]["equal"]) == (0, True, 100)
    source(TEXTS[:100], VECTORS | {TEXTS[0]: -VECTORS[TEXTS[0]]})
    code, found = again()
    assert (code, found["sound"], found["reencoded"]["equal"]) == (1, False, 99)
    source(TEXTS[:100], {text: VECTORS[text] for text in TEXTS[10:]})
    code, found = again()
    assert (code, "10 of 100 texts have no vector" in str(found)) == (2, True)


def test_the_doctor_reads_the_vectors_and_encodes_nothing(source):
    (finding,) = doctor.check(source(TEXTS[:100]))
    assert finding.state == "ok"
    assert "a model: encoder" in finding.found
    assert "12 dimensions, the texts of its files" in finding.found
    config = source(TEXTS[:100], VECTORS | {f"{TEXTS[0]} ": VECTORS[TEXTS[1]]})
    stripped = config.model_copy(update={"encoder": config.encoder.model_copy(update={"strip": True})})
    (finding,) = doctor.check(stripped)
    assert (finding.state, "two different vectors" in finding.found) == ("fails", True)


def test_vectors_that_are_not_there_stop_a_run_before_it_reads_anything(source, tmp_path):
    config = source(TEXTS[:100])
    (tmp_path / "vectors.parquet").unlink()
    with pytest.raises(InputError, match="there is no file"):
        begin(config)
    assert not (tmp_path / "store").exists()


def test_new_vectors_of_another_length_do_not_meet_a_kept_transform(run, source):
    kept = {"kind": "center", "refit": "never"}
    former = {text: VECTORS[text] for text in TEXTS[:150]}
    assert run(source(TEXTS[:150], former, transform=kept))["transform"]["status"] == "fitted"
    # Whoever makes the vectors no longer normalises new ones: the name is the same, and so are the former ones.
    longer = former | {text: VECTORS[text] * 30 for text in TEXTS[150:]}
    with pytest.raises(IdentityError, match="length"):
        run(source(TEXTS[150:], longer, transform=kept))
