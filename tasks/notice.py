"""Say outside the scheduler what came of a run: the notice and the metrics; no night fails for either."""

import logging
from collections.abc import Mapping
from typing import Any

from sphering.config.model import Config
from sphering.metrics.keep import keep
from sphering.notice.webhook import post
from sphering.notice.wording import notice_of

_log = logging.getLogger(__name__)


def keep_metrics(config: Config, said: Mapping[str, Any], result: Mapping[str, Any] | None) -> None:
    """Keep the numbers of a run that has ended, where [metrics] wants them."""
    try:
        keep(config, said, result)
    except Exception as error:  # whatever the disk says
        _log.warning("the metrics of this run could not be written: %s: %s", type(error).__name__, error)


def send_notice(config: Config, said: Mapping[str, Any]) -> None:
    """Post the notice of a run that has ended, where [notify] wants one of such an end."""
    if config.notify is None or said["status"] not in config.notify.on:
        return
    variable = config.notify.url_env
    try:
        post(variable, notice_of(said))
    except Exception as error:  # not its message: it might have the address in it
        _log.warning("no notice was sent to the address in %s: %s", variable, type(error).__name__)
