"""The model's folder: plain sentence-transformers gives the pipeline's vectors, whatever the encoder was told."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from sphering.bundle.plain_model import write_model
from sphering.encoder.parity import compare
from sphering.errors import IntegrityError
from sphering.identity import sha256_file

ASKED = ["Where is my card?", "Why was I charged twice?", "Größe, Straße", "cà phê", "中", "word " * 300, "ﬁne ½"]
PCA = {"kind": "whiten", "form": "pca", "dimension": 64}


def _plain(side, folder, texts=ASKED, **options):
    """Write the model of a side and return what plain sentence-transformers makes of texts."""
    from sentence_transformers import SentenceTransformer

    folder.mkdir()
    write_model(side.bundle, side.config, folder)
    return SentenceTransformer(str(folder), device="cpu").encode(texts, show_progress_bar=False, **options)


def _assert_equal(found, expected):
    parity = compare(found, expected)
    assert parity.min_cosine >= 1 - 1e-6, parity
    assert np.abs(np.linalg.norm(found.astype(np.float64), axis=1) - 1).max() < 1e-6


@pytest.mark.parametrize(
    "transform",
    [{"kind": "none"}, {"kind": "center"}, {"kind": "standard"}, {"kind": "whiten"}, {"kind": "abtt"}, PCA],
    ids=lambda transform: "-".join(map(str, transform.values())),
)
def test_plain_sentence_transformers_gives_the_pipelines_vectors_under_every_transform(side, transform, tmp_path):
    one = side(transform)
    found = _plain(one, tmp_path / "model")
    assert found.shape[1] == one.bundle.transform.dimension_out
    _assert_equal(found, one.bundle.encode(ASKED))


@pytest.mark.parametrize(
    "options",
    [
        {"query_prompt": "query: ", "document_prompt": "passage: "},
        {"truncate_dim": 100},
        {"max_length": 12},
        {"pooling": "cls"},
        {"pooling": "weightedmean", "truncate_dim": 200, "max_length": 20, "query_prompt": "find "},
    ],
    ids=lambda options: "-".join(options),
)
def test_every_option_of_the_encoder_travels(side, options, tmp_path):
    one = side({"kind": "whiten"}, **options)
    _assert_equal(_plain(one, tmp_path / "model"), one.bundle.encode(ASKED))


def test_a_cut_without_a_transform_travels_too(side, tmp_path):
    one = side({"kind": "none"}, truncate_dim=100)
    _assert_equal(_plain(one, tmp_path / "model"), one.bundle.encode(ASKED))


def test_documents_get_the_document_prompt_by_the_librarys_own_name_for_them(side, tmp_path):
    from sentence_transformers import SentenceTransformer

    one = side({"kind": "center"}, query_prompt="query: ", document_prompt="passage: ")
    _plain(one, tmp_path / "model")
    model = SentenceTransformer(str(tmp_path / "model"), device="cpu")
    documents = one.bundle.transform.apply(one.bundle.encoder.encode(ASKED, role="document").vectors)
    _assert_equal(model.encode_document(ASKED), documents)
    _assert_equal(model.encode_query(ASKED), one.bundle.encode(ASKED))


def test_the_models_own_files_stay_as_they_are_but_for_those_that_are_named(side, tmp_path):
    one = side({"kind": "whiten"}, query_prompt="query: ")
    (tmp_path / "model").mkdir()
    changed = write_model(one.bundle, one.config, tmp_path / "model")
    files = one.bundle.encoder.identity.document["files"]
    differing = {name for name, sha256 in files.items() if sha256_file(tmp_path / "model" / name) != sha256}
    assert differing == set(changed) == {"modules.json", "config_sentence_transformers.json"}
    assert all(changed.values())


def test_a_model_that_changed_since_it_was_opened_is_not_copied(side, default_model, tmp_path):
    shutil.copytree(default_model, tmp_path / "own")
    one = side({"kind": "center"}, model=str(tmp_path / "own"))
    with (tmp_path / "own" / "config.json").open("a", encoding="utf-8") as stream:
        stream.write(" ")
    (tmp_path / "model").mkdir()
    with pytest.raises(IntegrityError, match=r"config\.json"):
        write_model(one.bundle, one.config, tmp_path / "model")


def _settings(folder, name, **values):
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


@pytest.mark.parametrize("said", [True, False], ids=["said in config.json", "by the weights alone"])
def test_weights_that_are_kept_in_fewer_bits_are_computed_in_float32_as_the_pipeline_does(
    side, default_model, tmp_path, said
):
    import torch
    from safetensors.torch import load_file, save_file

    own = tmp_path / "own"
    shutil.copytree(default_model, own)
    tensors = load_file(own / "model.safetensors")
    halves = {name: each.to(torch.float16) if each.is_floating_point() else each for name, each in tensors.items()}
    save_file(halves, own / "model.safetensors", metadata={"format": "pt"})
    if said:
        _settings(own, "config.json", dtype="float16")
    one = side({"kind": "whiten"}, model=str(own))
    _assert_equal(_plain(one, tmp_path / "model"), one.bundle.encode(ASKED))


def test_prompts_and_cuts_that_a_model_brings_do_not_add_to_the_configured_ones(side, default_model, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(default_model, own)
    prompts = {"prompts": {"query": "Instruct: ", "web": "x"}, "default_prompt_name": "web", "truncate_dim": 150}
    _settings(own, "config_sentence_transformers.json", **prompts)
    one = side({"kind": "whiten"}, model=str(own), query_prompt="query: ")
    assert one.bundle.encoder.dimension == 150
    _assert_equal(_plain(one, tmp_path / "model"), one.bundle.encode(ASKED))


@pytest.mark.parametrize("pooling", [None, "cls"])
def test_a_plain_transformers_folder_gets_the_module_graph_that_the_library_makes_up(
    side, default_model, tmp_path, pooling
):
    own = tmp_path / "own"
    ours = ("modules.json", "config_sentence_transformers.json", "1_Pooling", "2_Normalize", "*.md")
    shutil.copytree(default_model, own, ignore=shutil.ignore_patterns(*ours))
    one = side({"kind": "center"}, model=str(own), **({"pooling": pooling} if pooling else {}))
    assert not (own / "modules.json").exists()
    _assert_equal(_plain(one, tmp_path / "model"), one.bundle.encode(ASKED))


@pytest.mark.parametrize("bits", ["float32", "float16"])
def test_a_table_of_token_vectors_travels(side, default_model, tmp_path, bits):
    from safetensors.numpy import load_file, save_file
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(default_model / "tokenizer.json"))
    tokenizer.no_truncation()
    table = np.random.default_rng(3).normal(size=(tokenizer.get_vocab_size(), 24)).astype(np.float32)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table)]).save(str(tmp_path / "own"))
    weights = next((tmp_path / "own").rglob("model.safetensors"))
    save_file({name: each.astype(bits) for name, each in load_file(weights).items()}, weights)
    one = side({"kind": "whiten"}, {"unicode": "NFKC", "strip": True}, model=str(tmp_path / "own"))
    texts = [f"  {text}\n" for text in ("ﬁne ﬂow", "Where is my card?", "½ Ⅻ")]
    _assert_equal(_plain(one, tmp_path / "model", texts), one.bundle.encode(texts))
