-- The ids of all documents that differ, by id, from the view differences; of a moved one also the id that it had.
SELECT doc_id, change, moved_from
FROM differences
WHERE change <> 'unchanged'
ORDER BY doc_id, change;
