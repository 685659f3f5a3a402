"""`sphering diff --ids FILE`: a file that cannot be written is refused before anything is compared."""

import pytest
from typer.testing import CliRunner

from sphering.cli.app import app


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Return what `sphering diff` says of a file; there is no store: nothing was looked at before."""
    monkeypatch.chdir(tmp_path)

    def invoke(file):
        result = CliRunner().invoke(app, ["diff", "latest", "--store", str(tmp_path / "none"), "--ids", file])
        assert result.exit_code == 2, result.output
        return result.stderr

    return invoke


def test_a_file_in_a_folder_that_does_not_exist_is_refused(refused):
    said = refused("nope/dir/x.parquet")
    assert "there is no folder nope/dir" in said
    assert "--ids" in said


def test_a_folder_in_place_of_the_file_is_refused(refused, tmp_path):
    (tmp_path / "ids").mkdir()
    assert "ids is a folder" in refused("ids")


def test_a_file_that_can_be_written_is_no_obstacle(refused, tmp_path):
    assert "there is no store" in refused("x.parquet")
    assert not (tmp_path / "x.parquet").exists()
