-- The words of name and description, ready made (catalog/text.py): the engines split and stem nothing.

CREATE TABLE text_index (
    rowid       BIGINT PRIMARY KEY,
    name        TSVECTOR NOT NULL,
    description TSVECTOR NOT NULL
);
CREATE INDEX text_index_by_name ON text_index USING gin (name);
CREATE INDEX text_index_by_description ON text_index USING gin (description);
