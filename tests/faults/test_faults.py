"""Whatever strikes a night, its store is whole, nothing is lost, and the next run finishes what was not finished."""

import pytest
from faults.night import REQUESTS
from faults.strikes import DISK, FAULTS, OBJECTS

pytestmark = pytest.mark.server


def _marked(fault):
    return pytest.param(fault, id=fault.name, marks=pytest.mark.soak if fault.soak else ())


@pytest.fixture
def store_of(request, tmp_path, place):
    """Return what makes the place of a fault's store."""

    def made(fault):
        if fault.store == OBJECTS:
            objects = request.getfixturevalue("s3")
            place.proxy.port = objects.port
            return objects.bucket(), None
        if fault.store == DISK:
            disk = request.getfixturevalue("small_disk")
            return disk.root / "store", disk
        return tmp_path / "store", None

    return made


@pytest.mark.parametrize("fault", [_marked(fault) for fault in FAULTS])
def test_after_a_fault_the_store_is_whole_and_the_next_run_finishes(
    fault, night_at, store_of, undisturbed, tonight, all_texts
):
    night = night_at(fault.name, *store_of(fault))
    before = night.published()
    night.place.gate.close_after(night.chance.randint(0, REQUESTS - 1))
    night.start(**fault.environment)
    night.reach()
    with fault.strike(night):
        night.end()
    assert night.place.api.ended(night.run)["state_name"] in fault.ends
    night.check_sound()
    assert night.published() in (before, undisturbed)
    missing = len(all_texts) - night.texts_kept()

    finished = night.next()
    assert finished["encoded"] == missing
    assert (finished["documents"], finished["status"]) == (len(tonight), "finished")
    assert night.published() == undisturbed
    night.check_sound()
    night.check_nothing_is_left()
