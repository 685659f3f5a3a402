"""The flows, run for real: real model, real questions, a Prefect server of the session's own."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, State, StateType

from sphering.config.load import load
from sphering.errors import ConfigError, InputError, RefMovedError, SourceError
from sphering.flows.embed import embed
from sphering.flows.export import export
from sphering.flows.fit import fit
from sphering.flows.main_job import main_job
from sphering.flows.report import report
from sphering.flows.stages import BEGINNINGS, carry_through, to_release, to_snapshot
from sphering.store.corpus import CorpusStore
from sphering.store.refs import LATEST, PUBLISHED, Reason
from sphering.store.store import Store

pytestmark = pytest.mark.usefixtures("prefect_server")


@dataclass(frozen=True)
class Night:
    """A flow run that has ended: its configuration file, its final state and its result."""

    config: Path
    state: State
    result: Any

    @property
    def flow_run(self) -> FlowRun:
        with get_client(sync_client=True) as client:
            return client.read_flow_run(self.state.state_details.flow_run_id)

    def task_runs(self) -> set[str]:
        """Return the names of its task runs; the server records them a moment later, so only compare from below."""
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=[self.flow_run.id]))
        with get_client(sync_client=True) as client:
            return {run.name for run in client.read_task_runs(flow_run_filter=wanted)}

    def artifacts(self) -> dict[str, Any]:
        wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[self.flow_run.id]))
        with get_client(sync_client=True) as client:
            return {artifact.key: artifact for artifact in client.read_artifacts(artifact_filter=wanted)}


def _run(flow_function, config: Path, *arguments) -> Night:
    state = flow_function(config, *arguments, return_state=True)
    return Night(config, state, state.result(raise_on_failure=False))


def _corpus(config_file: Path) -> CorpusStore:
    config = load(config_file)
    return Store.open(Path(config.store)).corpus(config.corpus)


@pytest.fixture(scope="module")
def first(tmp_path_factory, write_config):
    return _run(main_job, write_config(tmp_path_factory.mktemp("first")))


@pytest.fixture(scope="module")
def second(first):
    return _run(main_job, first.config)


def test_the_main_job_takes_a_corpus_to_a_published_release(first):
    assert first.state.type == StateType.COMPLETED
    assert first.state.name == "Completed"
    assert first.result["release_status"] == "published"
    assert first.result["exit_code"] == 0
    assert first.result["documents"] == first.result["rows_read"] == first.result["encoded"] == 200
    corpus = _corpus(first.config)
    assert corpus.refs.read("main", PUBLISHED).release == first.result["release"]
    assert corpus.release(first.result["release"]).passed


def test_the_state_of_the_run_carries_the_verdict(first):
    assert first.flow_run.state.message == f"published: banking77, release {first.result['release']}"


def test_a_run_is_named_by_its_corpus(first):
    assert first.flow_run.name == "run-banking77"


def test_a_run_leaves_its_four_artifacts_under_stable_keys(first):
    artifacts = first.artifacts()
    assert set(artifacts) == {f"{kind}-banking77" for kind in ("verdict", "gates", "report", "angles")}
    assert first.result["release"] in artifacts["verdict-banking77"].data
    assert "quarantined_share" in str(artifacts["gates-banking77"].data)
    assert "mean_cosine" in str(artifacts["report-banking77"].data)
    assert artifacts["angles-banking77"].data.startswith("data:image/png;base64,")


def test_a_second_run_of_the_same_content_changes_nothing(first, second):
    assert second.result["release_status"] == "unchanged"
    assert second.result["snapshot_status"] == "unchanged"
    assert second.result["encoded"] == 0
    assert second.result["release"] == first.result["release"]
    assert second.result["exit_code"] == 0
    assert second.state.message.startswith("unchanged: banking77")


def test_an_unchanged_run_measures_and_exports_nothing(second):
    runs = second.task_runs()
    assert not {run for run in runs if run.startswith(("embed-", "report-", "export-", "prepare-matrix-"))}
    assert set(second.artifacts()) == {"verdict-banking77", "gates-banking77"}


@pytest.fixture
def later(first, tmp_path):
    """The folder of the first night as it was left, on another day: nothing has to be encoded again."""
    return Path(shutil.copytree(first.config.parent, tmp_path / "later"))


def test_a_held_release_completes_under_the_name_held(first, later, write_config):
    config = write_config(later, '\n[[gate]]\nmetric = "raw.mean_cosine"\nmax = -0.5\n')
    held = _run(main_job, config)
    assert held.state.type == StateType.COMPLETED
    assert held.flow_run.state.name == held.state.name == "Held"
    assert held.state.message.startswith(f"held: banking77, release {held.result['release']}, because raw.mean_cosine")
    assert held.result["exit_code"] == 3
    corpus = _corpus(config)
    assert corpus.refs.read("main", PUBLISHED).release == first.result["release"]
    assert corpus.refs.read("main", LATEST).release == held.result["release"] != first.result["release"]
    again = _run(main_job, config)
    assert (again.state.name, again.result["exit_code"], again.result["encoded"]) == ("Held", 3, 0)


def test_a_gate_on_the_source_ends_the_run_before_encoding(tmp_path, write_config):
    held = _run(main_job, write_config(tmp_path, '\n[[gate]]\nmetric = "rows_read"\nmin = 1000\n'))
    assert held.state.name == "Held"
    assert held.result["snapshot"] is held.result["release"] is None
    assert "rows_read = 200, wanted >= 1,000" in held.state.message
    assert _corpus(held.config).snapshot_ids() == []


def test_a_run_that_fails_says_why_and_leaves_its_record(tmp_path, write_config):
    source = tmp_path / "no-text.parquet"
    pl.DataFrame({"id": ["a"], "category": ["b"], "txet": ["c"]}).write_parquet(source)
    failed = _run(main_job, write_config(tmp_path, source=source))
    assert failed.state.type == StateType.FAILED
    assert isinstance(failed.result, SourceError)
    assert "txet" in failed.flow_run.state.message
    corpus = _corpus(failed.config)
    assert [record["status"] for record in corpus.run_records()] == ["failed"]
    assert corpus.files.children(corpus.layout.scratch) == []


def test_a_part_that_fails_leaves_nothing_working_in_the_workspace(later, write_config):
    config = write_config(later, '\n[[export]]\nname = "late"\nformat = "faiss"\nindex = "IVF4096,Flat"\n')
    failed = _run(main_job, config)
    assert failed.state.type == StateType.FAILED
    assert isinstance(failed.result, InputError)
    corpus = _corpus(config)
    assert corpus.files.children(corpus.layout.scratch) == []


def test_a_configuration_that_is_not_there_fails_the_run_by_name(tmp_path):
    failed = _run(main_job, tmp_path / "nightly.toml")
    assert failed.state.type == StateType.FAILED
    assert isinstance(failed.result, ConfigError)
    assert failed.flow_run.name == "run-nightly"


def _meddle(config: Path) -> None:
    """Let somebody else move `published`, though back to where it stood."""
    refs = _corpus(config).refs
    stood = refs.read("main", PUBLISHED)
    refs.move("main", PUBLISHED, stood.release, expected=stood, reason=Reason("somebody", "a test", "another"))


def test_a_run_begins_again_where_another_one_moved_a_ref(first, later, tmp_path, write_config):
    less = tmp_path / "less.parquet"
    pl.read_parquet(load(first.config).source.path).head(180).write_parquet(less)
    config = write_config(later, source=less)
    beginnings = []

    def work(job, settings):
        beginnings.append(job)
        to_snapshot(job, settings)
        if len(beginnings) == 1:
            _meddle(config)
        to_release(job)

    @flow
    def disturbed():
        return carry_through(load(config), "run", None, work)

    result = disturbed()
    assert len(beginnings) == 2
    assert (result["release_status"], result["documents"], result["encoded"]) == ("published", 180, 0)
    assert _corpus(config).refs.read("main", PUBLISHED).release == result["release"] != first.result["release"]
    records = [(record["status"], record["run"]) for record in _corpus(config).run_records()]
    assert records[-2:] == [("failed", beginnings[0].workspace.name), ("finished", beginnings[1].workspace.name)]


def test_a_ref_that_moves_at_every_beginning_fails_the_run(tmp_path, write_config):
    config = load(write_config(tmp_path))
    beginnings = []

    def work(job, _settings):
        beginnings.append(job)
        raise RefMovedError("the ref moved")

    @flow
    def disturbed():
        return carry_through(config, "run", None, work)

    with pytest.raises(RefMovedError):
        disturbed()
    assert len(beginnings) == BEGINNINGS


def test_the_embedding_flow_ends_with_the_snapshot(first, tmp_path, write_config):
    few = tmp_path / "few.parquet"
    pl.read_parquet(load(first.config).source.path).head(40).write_parquet(few)
    config = write_config(tmp_path, source=few)
    embedded = _run(embed, config)
    assert embedded.result["documents"] == embedded.result["encoded"] == 40
    assert embedded.result["release"] is None
    assert _corpus(config).snapshot_ids() == [embedded.result["snapshot"]]
    assert _corpus(config).refs.read("main", LATEST) is None
    assert _run(main_job, config).result["encoded"] == 0


def test_a_transform_fitted_later_makes_a_release_that_only_latest_names(first, later, write_config):
    config = write_config(later, '\n[transform]\nkind = "center"\n')
    fitted = _run(fit, config, first.result["release"]).result
    assert fitted["snapshot"] == first.result["snapshot"]
    assert fitted["release"] != first.result["release"]
    assert _corpus(config).refs.read("main", LATEST).release == fitted["release"]
    assert _corpus(config).refs.read("main", PUBLISHED).release == first.result["release"]


def test_an_export_written_later_makes_a_release_that_only_latest_names(first, later, write_config):
    config = write_config(later, '\n[[export]]\nname = "vectors-for-ann"\nformat = "fbin"\n')
    exported = _run(export, config).result
    assert {entry["name"] for entry in exported["exports"]} == {"unit-vectors", "vectors-for-ann"}
    assert exported["snapshot"] == first.result["snapshot"]
    assert _corpus(config).refs.read("main", LATEST).release == exported["release"]
    assert _corpus(config).refs.read("main", PUBLISHED).release == first.result["release"]


def test_the_report_is_rendered_again_from_its_numbers(first):
    page = Path(load(first.config).store) / first.result["report"]
    page.unlink()
    rendered = _run(report, first.config)
    assert rendered.result["report"] == first.result["report"]
    assert page.stat().st_size > 0
    assert rendered.result["numbers"]["raw"]["mean_cosine"]["value"] > 0
    assert set(rendered.artifacts()) == {"report-banking77", "angles-banking77"}
