"""A page that cannot be drawn or stored costs a warning, never the night."""

import pytest
from prefect.logging import disable_run_logger

from sphering.report.page.picture import angle_picture
from sphering.tasks.artifact import show_angles


def test_a_picture_that_cannot_be_drawn_does_not_fail_the_night():
    undrawable = {"angles": {"raw": None, "transformed": None}, "raw": {}, "transformed": {}}
    with pytest.raises(TypeError):
        angle_picture(undrawable)
    with disable_run_logger():
        show_angles("questions", undrawable)
