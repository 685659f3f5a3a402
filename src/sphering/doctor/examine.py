"""All checks in order; one that breaks is a finding itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sphering.doctor.finding import Finding

if TYPE_CHECKING:
    from sphering.config.model import Config

Check = Callable[[], Iterable[Finding]]


def examine(config: Config | None) -> list[Finding]:
    """Return what every check found; those on model, store and disk need a configuration."""
    from sphering.doctor import (
        automations,
        clock,
        deployments,
        disk,
        extras,
        memory,
        model,
        packages,
        runner,
        scheduler,
        server,
        switches,
        telling,
        threads,
    )

    checks: list[tuple[str, Check]] = [
        ("packages", packages.check),
        ("switches", switches.check),
        ("server", lambda: server.check(server.configured_url())),
        ("scheduler", lambda: scheduler.check(server.configured_url())),
        ("deployments", lambda: deployments.check(server.configured_url(), config)),
        ("automations", lambda: automations.check(server.configured_url())),
        ("extras", extras.check),
        ("threads", lambda: threads.check(config)),
    ]
    if config is not None:
        checks += [
            ("runner", lambda: runner.check(config)),
            ("memory", lambda: memory.check(config)),
            ("telling", lambda: telling.check(config)),
            ("model", lambda: model.check(config)),
            ("store", lambda: disk.check(config)),
            ("clock", lambda: clock.check(config)),
        ]
    return [finding for name, check in checks for finding in _guarded(name, check)]


def _guarded(name: str, check: Check) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:  # a broken installation breaks checks, too, and that is worth saying
        return [
            Finding(name, "fails", f"{type(error).__name__}: {error}", "reinstall sphering with its constraints.txt")
        ]
