"""`sphering init`: a configuration and a sample that load, and nothing overwritten."""

import json
from pathlib import Path

import pytest

from sphering.cli.init import TEMPLATE, write_template
from sphering.config.load import load
from sphering.errors import InputError

SOURCE = Path(__file__).parents[2] / "src" / "sphering" / "config" / "template"


def test_every_file_of_the_template_is_written_and_none_is_forgotten(tmp_path):
    written = write_template(tmp_path / "new")
    assert sorted(TEMPLATE) == sorted(str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*") if path.is_file())
    assert [path.read_bytes() for path in written] == [(SOURCE / name).read_bytes() for name in TEMPLATE]


def test_the_configuration_that_is_written_loads_and_its_source_is_there(tmp_path):
    write_template(tmp_path)
    config = load(tmp_path / "sphering.toml")
    assert Path(config.source.path).is_file()
    assert [entry.format for entry in config.export] == ["npy", "faiss"]


def test_the_sample_is_real_text_with_its_licence():
    rows = [json.loads(line) for line in (SOURCE / "data" / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({row["text"] for row in rows}) == len({row["id"] for row in rows}) == len(rows) == 308
    assert len({row["category"] for row in rows}) == 77
    assert "CC BY 4.0" in (SOURCE / "data" / "ATTRIBUTION.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", TEMPLATE)
def test_what_exists_is_not_replaced_and_then_nothing_is_written(tmp_path, name):
    mine = tmp_path / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="is there already"):
        write_template(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    assert mine.read_text(encoding="utf-8") == "mine"


def test_the_command_says_what_to_do_next(sphering, tmp_path):
    done = sphering("init", "nightly", cwd=tmp_path)
    assert done.code == 0
    assert "cd nightly && sphering run" in done.err
    assert sphering("init", "nightly", cwd=tmp_path).code == 2
