-- Where releases come from in full, what publishers say beyond STIX, and when newer releases were looked for.

ALTER TABLE release ADD COLUMN converter_version INTEGER;
ALTER TABLE release ADD COLUMN fetched_at {int};
ALTER TABLE release ADD COLUMN mirrored_from {text};

CREATE TABLE detail (
    detail_key     {int} PRIMARY KEY,
    base_key       {int} NOT NULL,
    digest         {blob} NOT NULL,
    dictionary_key {int} NOT NULL,
    content        {blob} NOT NULL
);
CREATE INDEX detail_by_digest ON detail (base_key, digest);

CREATE TABLE release_detail (
    release_key    {int} NOT NULL,
    identifier_key {int} NOT NULL,
    detail_key     {int} NOT NULL,
    PRIMARY KEY (release_key, identifier_key)
) {clustered};
CREATE INDEX release_detail_by_detail ON release_detail (detail_key);

CREATE TABLE update_check (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    started_at {int},
    ended_at   {int},
    report     {text} NOT NULL DEFAULT '',
    asked_at   {int}
);
INSERT INTO update_check (one) VALUES (1);
