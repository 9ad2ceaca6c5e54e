-- The index of the engine is not used any more.

DROP TABLE text_index;
