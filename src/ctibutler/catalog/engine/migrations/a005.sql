-- What details say about relationships, such as the views of CWE in which they hold (catalog/qualifiers.py).

CREATE TABLE qualifier (
    release_key {int} NOT NULL,
    name_key    {int} NOT NULL,
    object_key  {int} NOT NULL,
    value       {text} NOT NULL,
    PRIMARY KEY (release_key, name_key, object_key, value)
) {clustered};
