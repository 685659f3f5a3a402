"""Cores and bytes that a control group allows, on made-up trees of both versions."""

import pytest

from sphering import cgroup, cores
from sphering.config.run import RunConfig

V1 = "9:name=systemd:/\n4:memory:{group}\n2:cpu,cpuacct:{group}\n0::/\n"


@pytest.fixture
def tree(tmp_path):
    def write(own, **files):
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(own)
        for name, text in files.items():
            file = tmp_path / "sys/fs/cgroup" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return write


def test_a_container_of_version_2_that_sees_its_group_as_the_topmost(tree):
    root = tree("0::/\n", **{"cpu.max": "150000 100000\n", "memory.max": "2147483648\n"})
    assert (cgroup.cores(root), cgroup.memory(root)) == (1.5, 2 << 30)


def test_a_group_of_version_2_that_sets_no_limit(tree):
    root = tree("0::/\n", **{"cpu.max": "max 100000\n", "memory.max": "max\n"})
    assert (cgroup.cores(root), cgroup.memory(root)) == (None, None)


def test_a_service_of_systemd_is_capped_by_the_tightest_group_above_it(tree):
    files = {
        "system.slice/sphering.service/cpu.max": "max 100000\n",
        "system.slice/sphering.service/memory.max": "8589934592\n",
        "system.slice/cpu.max": "400000 100000\n",
        "system.slice/memory.max": "4294967296\n",
        "cpu.max": "max 100000\n",
        "elsewhere.slice/memory.max": "1\n",
    }
    root = tree("0::/system.slice/sphering.service\n", **files)
    assert (cgroup.cores(root), cgroup.memory(root)) == (4.0, 4 << 30)


def test_version_1_under_joined_controllers(tree):
    files = {
        "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "250000\n",
        "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
        "memory/docker/abc/memory.limit_in_bytes": "1073741824\n",
    }
    root = tree(V1.format(group="/docker/abc"), **files)
    assert (cgroup.cores(root), cgroup.memory(root)) == (2.5, 1 << 30)


def test_version_1_in_a_container_whose_group_is_named_as_the_host_sees_it(tree):
    files = {
        "cpu/cpu.cfs_quota_us": "100000\n",
        "cpu/cpu.cfs_period_us": "100000\n",
        "memory/memory.limit_in_bytes": "536870912\n",
    }
    root = tree(V1.format(group="/kubepods/pod1/abc"), **files)
    assert (cgroup.cores(root), cgroup.memory(root)) == (1.0, 512 << 20)


def test_version_1_without_limits(tree):
    files = {
        "cpu/cpu.cfs_quota_us": "-1\n",
        "cpu/cpu.cfs_period_us": "100000\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    root = tree(V1.format(group="/"), **files)
    assert (cgroup.cores(root), cgroup.memory(root)) == (None, None)


def test_both_versions_at_once_give_the_tighter_limit(tree):
    files = {
        "memory/memory.limit_in_bytes": "1073741824\n",
        "unified/memory.max": "536870912\n",
        "unified/cpu.max": "300000 100000\n",
    }
    root = tree(V1.format(group="/"), **files)
    assert (cgroup.cores(root), cgroup.memory(root)) == (3.0, 512 << 20)


def test_a_group_outside_of_the_namespace_reads_nothing_outside_of_the_mount(tree, tmp_path):
    root = tree("0::/../../outside\n", **{"memory.max": "max\n"})
    (tmp_path / "sys/outside").mkdir()
    (tmp_path / "sys/outside/memory.max").write_text("1\n")
    assert cgroup.memory(root) is None


@pytest.mark.parametrize("own", ["", "nonsense\n", "0::\n"])
def test_a_system_without_control_groups_limits_nothing(tree, own):
    root = tree(own, **{"cpu.max": "100000 what\n", "memory.max": "lots\n"})
    assert (cgroup.cores(root), cgroup.memory(root)) == (None, None)


@pytest.mark.parametrize(("quota", "allowed"), [(0.5, 1), (1.0, 1), (1.9, 1), (10_000.0, None), (None, None)])
def test_a_share_of_a_core_is_a_core_and_no_quota_gives_more_than_there_are(monkeypatch, quota, allowed):
    monkeypatch.setattr(cgroup, "cores", lambda: None)
    all_of_them = cores.available_cores()
    monkeypatch.setattr(cgroup, "cores", lambda: quota)
    assert cores.available_cores() == (allowed or all_of_them)


def test_a_group_may_allow_less_memory_than_the_machine_has_and_never_more(monkeypatch):
    monkeypatch.setattr(cgroup, "memory", lambda: None)
    machine = cores.available_memory()
    assert machine > 64 << 20
    monkeypatch.setattr(cgroup, "memory", lambda: 64 << 20)
    assert cores.available_memory() == 64 << 20
    monkeypatch.setattr(cgroup, "memory", lambda: machine * 2)
    assert cores.available_memory() == machine


@pytest.mark.parametrize(
    ("available", "workers", "memory"),
    [
        (8 << 30, 2, "1GB"),
        (4_000_000_000, 2, "1GB"),
        (2 << 30, 2, "536MB"),
        (1 << 30, 1, "268MB"),
        (256 << 20, 1, "67MB"),
    ],
)
def test_a_run_takes_what_its_control_group_allows_without_being_told(monkeypatch, available, workers, memory):
    monkeypatch.setattr(cgroup, "memory", lambda: available)
    run = RunConfig()
    assert (run.workers, run.memory) == (workers, memory)
    told = RunConfig(workers=3, memory="2GB")
    assert (told.workers, told.memory) == (3, "2GB")
