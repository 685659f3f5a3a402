-- Some ids at random: those with the smallest hashes of seed and id, which are the same from night to night.
-- $seed, $size: which chance, how many. The view ids exists.
SELECT id
FROM ids
ORDER BY md5(concat($seed, ' ', id)), id
LIMIT $size;
