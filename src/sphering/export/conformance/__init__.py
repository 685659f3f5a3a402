"""What every export format must do, as a class of tests that any package can run over its own.

    from sphering.export.conformance import ExportConformance

    class TestMine(ExportConformance):
        table = {"format": "mine"}

pytest is imported here and in this folder alone.
"""

import pytest

pytest.register_assert_rewrite("sphering.export.conformance.cases")

from sphering.export.conformance.cases import ExportConformance  # noqa: E402
from sphering.export.conformance.corpus import Corpus, synthetic  # noqa: E402

__all__ = ["Corpus", "ExportConformance", "synthetic"]
