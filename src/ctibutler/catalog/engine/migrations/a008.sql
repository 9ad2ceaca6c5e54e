-- The text index as posting lists of our own, the same on both engines (catalog/text.py): which objects hold a word in
-- their name (property 0) or description (property 1), and how often. The empty word counts all words of a property.

CREATE TABLE term (
    term_key   {int} PRIMARY KEY,
    word       {text} NOT NULL UNIQUE,
    stem       {text} NOT NULL
);
CREATE INDEX term_by_stem ON term (stem);

CREATE TABLE posting (
    term_key   {int} NOT NULL,
    property   INTEGER NOT NULL,
    first_key  {int} NOT NULL,
    holders    {blob} NOT NULL,
    counts     {blob} NOT NULL,
    PRIMARY KEY (term_key, property, first_key)
) {clustered};
