"""Optional libraries that are not there."""

import pytest

from sphering.errors import ExtraMissingError
from sphering.extras import require


@pytest.mark.parametrize("module", ["colbrot", "colbrot.inner.searching"])
def test_a_missing_library_is_named_by_its_package_with_the_command_that_installs_it(module):
    with pytest.raises(ExtraMissingError) as refused:
        require(module, "engines")
    assert refused.value.found == "the Python package 'colbrot' is not installed"
    assert refused.value.remedy == 'pip install "sphering[engines]"'
