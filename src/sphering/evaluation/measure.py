"""What a report says of an evaluation."""

from __future__ import annotations

from sphering.errors import IdentityError
from sphering.evaluation.keep import Evaluation
from sphering.evaluation.kind import Ground
from sphering.evaluation.supervision import Supervision
from sphering.report.measured import Json
from sphering.store.snapshot import Snapshot


def evaluation_metrics(evaluation: Evaluation, ground: Ground) -> Json:
    """Return what a report says of an evaluation, as JSON values.

    `evaluation` is its id. Queries and judgements stand beside it: queries, queries_left_out, judgements_missing, and
    metrics under `raw` and `transformed`. Each other kind stands under its name.

    Raises
    ------
    IdentityError
        If its texts were encoded by another encoder than the documents.
    """
    _check_encoder(evaluation, ground.snapshot)
    found = {name: part.measure(ground) for name, part in evaluation.parts.items()}
    return {"evaluation": evaluation.id, **found.pop("queries", {}), **found}


def supervisions(evaluation: Evaluation, snapshot: Snapshot, sample: int) -> list[Supervision]:
    """Return what a choice of the transform can be judged by, the most trusted kind first.

    Parameters
    ----------
    evaluation : Evaluation
    snapshot : Snapshot
    sample : int
        How many documents queries are put to beside the relevant ones, and how many texts labels are compared among.

    Raises
    ------
    IdentityError
        If its texts were encoded by another encoder than the documents.
    """
    _check_encoder(evaluation, snapshot)
    found = (part.supervision(snapshot, sample) for part in evaluation.parts.values())
    return [each for each in found if each is not None]


def _check_encoder(evaluation: Evaluation, snapshot: Snapshot) -> None:
    if evaluation.encoder != snapshot.manifest.encoder:
        raise IdentityError(
            f"the evaluation's texts are vectors of the encoder {evaluation.encoder}",
            expected=f"{snapshot.manifest.encoder}, the encoder of the snapshot {snapshot.id}",
        )
