"""A machine whose clock is off by SHIFTED_SECONDS, for every process that finds this folder on its path.

What the kernel stamps, such as the time of a file, keeps the right time: that is another machine's clock.
"""

import datetime
import os
import time

_SECONDS = float(os.environ.get("SHIFTED_SECONDS", "0"))
_time = time.time


class _Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(seconds=_SECONDS)


if _SECONDS:
    time.time = lambda: _time() + _SECONDS
    datetime.datetime = _Shifted
