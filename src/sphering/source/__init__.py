"""Sources: files of any format, or a query, to sound rows, the documents among them and a quarantine."""

from sphering.source.digest import content_digest
from sphering.source.documents import DOCUMENTS
from sphering.source.opened import SourceFile
from sphering.source.quarantine import QUARANTINE
from sphering.source.stage import stage
from sphering.source.staged import DOCUMENTS_FILE, QUARANTINE_FILE, ROWS_FILE, STAGED_FILE, Staged

__all__ = [
    "DOCUMENTS",
    "DOCUMENTS_FILE",
    "QUARANTINE",
    "QUARANTINE_FILE",
    "ROWS_FILE",
    "STAGED_FILE",
    "SourceFile",
    "Staged",
    "content_digest",
    "stage",
]
