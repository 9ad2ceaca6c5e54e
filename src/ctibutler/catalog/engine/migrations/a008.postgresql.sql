-- The index of the engine is not used any more.

DROP INDEX text_index_by_name;
DROP INDEX text_index_by_description;
DROP TABLE text_index;
