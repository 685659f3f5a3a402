"""A server, a worker and a deployment for all faults of a module, and the seed that decides when each strikes."""

import os
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from deployed import Api, Deployed, worker_process
from embeddings_server import serving
from faults.gate import Gate
from faults.night import Night, Place, write_config
from faults.proxy import Proxy
from nights import carry
from object_store import SECRET

from sphering.config.load import load
from sphering.store.store import Store

QUESTIONS = Path(__file__).parents[1] / "data" / "banking77"


@pytest.fixture
def seed(request):
    """The number that all chance comes from; another one by SPHERING_SEED. A failure shows it."""
    number = int(os.environ.get("SPHERING_SEED", "8"))
    request.node.add_report_section("call", "seed", f"SPHERING_SEED={number}")
    return number


@pytest.fixture(scope="session")
def texts():
    """Real questions to a bank."""
    table = pq.read_table(next(QUESTIONS.glob("*.parquet")))
    return list(dict.fromkeys(table["text"].to_pylist()))


@pytest.fixture(scope="session")
def before(texts):
    """The documents of the night before, text by id."""
    return {f"q-{number:03d}": text for number, text in enumerate(texts[:40])}


@pytest.fixture(scope="session")
def tonight(texts, before):
    """The documents of the night that is struck: some are gone, some changed, most are new."""
    kept = dict(list(before.items())[5:])
    changed = {name: f"{kept[name]} Please." for name in list(kept)[:10]}
    new = {f"q-{number:03d}": text for number, text in enumerate(texts[40:130], 40)}
    return {**kept, **changed, **new}


@pytest.fixture(scope="session")
def all_texts(before, tonight):
    """Every text of the two nights: what the store has vectors of when both are done."""
    return {*before.values(), *tonight.values()}


@pytest.fixture(scope="module")
def place(prefect_server_process, tmp_path_factory, before, all_texts):
    """The deployments on a server, a worker, a hosted model and the way to an object store."""
    folder = tmp_path_factory.mktemp("faults")
    proxy = Proxy()
    server = prefect_server_process
    objects = {
        "AWS_ENDPOINT_URL": proxy.endpoint,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    with serving() as model:
        config = write_config(folder / "deployed", folder / "store", model.url, before)
        deployed = Deployed(Api(server.url), config, server.environment)
        deployed.deploy()
        deployed.deploy(config=config.with_name("next.toml"))
        process = worker_process({**server.environment, **objects}, folder)
        process.start()
        gate = Gate(model, all_texts)
        try:
            yield Place(deployed, server, process, gate, proxy, model.url)
        finally:
            gate.open()
            process.stop()
            proxy.stop()


@pytest.fixture(scope="module")
def undisturbed(place, tmp_path_factory, before, tonight):
    """The content digest that tonight's documents end with where nothing happens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    config = load(write_config(folder, folder / "store", place.url, before))
    carry(config)
    write_config(folder, folder / "store", place.url, tonight)
    return Store.open(config.store).corpus(config.corpus).manifest(carry(config)["snapshot"]).content_digest


@pytest.fixture
def night_at(place, tmp_path, seed, before, tonight):
    """Return what begins a night whose store lies at a place, over what the night before published."""

    def begin(name, store, disk=None):
        config = write_config(tmp_path / "night", store, place.url, before)
        night = Night(place, config, random.Random(f"{seed} {name}"), disk)
        carry(load(config))
        write_config(tmp_path / "night", store, place.url, tonight)
        return night

    yield begin
    place.gate.open()
    place.proxy.mend()
