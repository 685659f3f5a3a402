"""Verify a whole corpus, and encode a sample of it again."""

from prefect import get_run_logger, task

from sphering.config.model import Config
from sphering.errors import InputError
from sphering.maintenance.findings import Findings
from sphering.maintenance.reencode import check_reencodable, verify_and_reencode
from sphering.store.corpus import CorpusStore
from sphering.store.refs import LATEST
from sphering.store.release import Release
from sphering.store.store import Store
from sphering.tasks.policy import POLICY


@task(name="verify", task_run_name="verify-{config.corpus}", **POLICY)
def verify_corpus(config: Config, reencode: int) -> Findings:
    """Hash every file again and encode `reencode` texts of the channel's `latest` again."""
    corpus = Store.open(config.store).corpus(config.corpus)
    release = _reencodable(corpus, f"{config.run.channel}/{LATEST}") if reencode else None
    return verify_and_reencode(corpus, None, release, reencode)


def _reencodable(corpus: CorpusStore, selector: str) -> Release | None:
    """Return the release whose texts are encoded again, or None where there is none or it keeps no text."""
    try:
        release = corpus.find_release(selector)
        check_reencodable(corpus, release)
    except InputError as error:
        get_run_logger().warning("no text is encoded again: %s", error.found)
        return None
    return release
