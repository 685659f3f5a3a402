"""Say outside the scheduler what came of a run: the notice and the metrics; no night fails for either."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from sphering.config.model import Config
from sphering.metrics.keep import keep_failure, keep_result
from sphering.notice.webhook import post
from sphering.notice.wording import of_failure, of_result, outcome
from sphering.run.finish import error_words
from sphering.run.target import target_of
from sphering.tasks.wording import verdict_sentence

_log = logging.getLogger(__name__)


def tell_result(config: Config, result: Mapping[str, Any]) -> None:
    """Keep the numbers of a run that has ended, and post its notice where [notify] wants one."""
    _keep(lambda: keep_result(config, result))
    if config.notify is not None and outcome(result) in config.notify.on:
        sentence = verdict_sentence(target_of(config), result)
        _post(config.notify.url_env, lambda: of_result(config.corpus, config.run.channel, sentence, result))


def tell_failure(config: Config, error: BaseException, *, started: float) -> None:
    """Keep that a run failed, and post its notice; no task, because a cancelled flow run can start none.

    One that was interrupted has somebody who knows of it: it is counted, and nobody is told.
    """
    _keep(lambda: keep_failure(config, error, time.time() - started))
    if config.notify is not None and "failed" in config.notify.on and isinstance(error, Exception):
        words = error_words(error, keep_text=config.source.keep_text)
        _post(config.notify.url_env, lambda: of_failure(config.corpus, config.run.channel, words))


def _keep(step: Callable[[], None]) -> None:
    try:
        step()
    except Exception as error:  # whatever the disk says
        _log.warning("the metrics of this run could not be written: %s: %s", type(error).__name__, error)


def _post(variable: str, notice: Callable[[], dict[str, Any]]) -> None:
    try:
        post(variable, notice())
    except Exception as error:  # not its message: it might have the address in it
        _log.warning("no notice was sent to the address in %s: %s", variable, type(error).__name__)
