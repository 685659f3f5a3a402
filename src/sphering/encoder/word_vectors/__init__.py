"""The kind "word-vectors": a text is the mean of its words' vectors, from files of GloVe, word2vec or fastText."""
