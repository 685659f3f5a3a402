"""Nothing that is read can run: no pickle, no text that becomes a statement, no code of a model unasked."""

import ast
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from nights import small

from sphering.config.encoder import SentenceTransformersConfig

ROOT = Path(__file__).parents[2]
MODULES = [path for folder in ("src", "flows", "tasks") for path in sorted((ROOT / folder).rglob("*.py"))]
PICKLING = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
QUOTING = {"quote_identifier", "quote_literal", "load"}
# What stands in a statement beside what is quoted: each is no text of a user's.
OWN = {
    ("export/formats/duckdb.py", "STORAGE_VERSION"): "a constant",
    ("export/formats/duckdb.py", "d"): "a number of dimensions",
    ("export/formats/duckdb.py", "place"): "a quoted literal",
    ("source/current_folder.py", "config"): "a quoted literal",
    ("export/delta/difference.py", "name"): "one of two words of this file",
}


def calls(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def called(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


@pytest.fixture(scope="module")
def trees():
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def test_no_module_imports_what_makes_objects_out_of_bytes(trees):
    found = []
    for path, tree in trees.items():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path}: {name}" for name in names if name.split(".")[0] in PICKLING]
    assert found == []


def test_no_call_allows_a_pickle_or_runs_a_text(trees):
    found = []
    for path, tree in trees.items():
        for call in calls(tree):
            asked = {keyword.arg: getattr(keyword.value, "value", None) for keyword in call.keywords}
            plain = isinstance(call.func, ast.Name) and call.func.id in ("eval", "exec", "compile")
            of_torch = isinstance(call.func, ast.Attribute) and ast.unparse(call.func) == "torch.load"
            if plain or of_torch or asked.get("allow_pickle") is True or asked.get("shell") is True:
                found.append(f"{path}:{call.lineno}")
    assert found == []


def is_pickle(path):
    head = path.read_bytes()[:2]
    if zipfile.is_zipfile(path):
        return any(name.endswith(".pkl") for name in zipfile.ZipFile(path).namelist())
    return head[:1] == pickle.PROTO and head[1:] <= bytes([pickle.HIGHEST_PROTOCOL])


def test_what_a_pickle_looks_like_is_known_here(tmp_path):
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "a").write_bytes(pickle.dumps([1], protocol))
        assert is_pickle(tmp_path / "a")
    np.save(tmp_path / "array.npy", np.zeros(2))
    assert not is_pickle(tmp_path / "array.npy")


def test_a_store_holds_no_pickle_and_no_array_of_objects(run, tmp_path):
    formats = ("npy", "parquet", "fbin", "faiss", "duckdb", "ndjson")
    exports = [{"name": name, "format": name} for name in formats]
    rows = [(f"q-{number}", f"question number {number} of a few") for number in range(40)]
    run(small(tmp_path, rows, export=exports, transform={"kind": "whiten", "shrinkage": 0.5}))
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if is_pickle(path)] == []
    for path in files:
        if path.suffix == ".npy":
            assert np.load(path, mmap_mode="r", allow_pickle=False).dtype.hasobject is False


def statements(call):
    """Return the f-strings of a call that runs SQL, joined strings included."""
    asked = call.args[:1] if called(call) in ("execute", "executemany", "sql", "query") else []
    return [part for argument in asked for part in ast.walk(argument) if isinstance(part, ast.FormattedValue)]


def test_no_text_of_a_users_becomes_part_of_a_statement_unquoted(trees):
    unquoted, seen = [], set()
    for path, tree in trees.items():
        for call in calls(tree):
            for part in statements(call):
                quoted = isinstance(part.value, ast.Call) and called(part.value) in QUOTING
                place = "/".join(path.parts[-3:]), ast.unparse(part.value)
                known = [
                    entry for entry in OWN if place[0].endswith(entry[0].split("/", 1)[-1]) and entry[1] == place[1]
                ]
                seen.update(known)
                if not quoted and not known:
                    unquoted.append(f"{path}:{call.lineno}: {place[1]}")
    assert unquoted == []
    assert seen == set(OWN)


def test_a_statement_is_not_put_together_by_percent_or_format(trees):
    found = []
    for path, tree in trees.items():
        for call in calls(tree):
            if called(call) not in ("execute", "executemany") or not call.args:
                continue
            first = call.args[0]
            formatted = isinstance(first, ast.Call) and called(first) == "format"
            if formatted or (isinstance(first, ast.BinOp) and isinstance(first.op, ast.Mod)):
                found.append(f"{path}:{call.lineno}")
    assert found == []


def test_a_model_runs_no_code_of_its_own_unless_it_is_asked_for():
    assert SentenceTransformersConfig.model_fields["trust_remote_code"].default is False


def test_no_call_turns_remote_code_on_by_itself(trees):
    found = []
    for path, tree in trees.items():
        for call in calls(tree):
            values = [keyword.value for keyword in call.keywords if keyword.arg == "trust_remote_code"]
            found += [f"{path}:{call.lineno}" for value in values if getattr(value, "value", False) is True]
    assert found == []
