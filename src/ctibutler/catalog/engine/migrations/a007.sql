-- The embedded references of an id are numbered, and an object holds runs of these numbers instead of a row for each.

CREATE TABLE reference_before AS
SELECT reference_key, source_key, row_number() OVER (PARTITION BY source_key ORDER BY reference_key) - 1 AS place,
       kind_key, target_key, uuid
  FROM reference;

CREATE TABLE object_reference_before AS
SELECT object_key, min(place) AS first_place, max(place) AS last_place
  FROM (SELECT object_reference.object_key, reference_before.place,
               reference_before.place - row_number() OVER (
                   PARTITION BY object_reference.object_key ORDER BY reference_before.place) AS run
          FROM object_reference
          JOIN reference_before ON reference_before.reference_key = object_reference.reference_key) AS numbered
 GROUP BY object_key, run;

DROP INDEX reference_by_source;
DROP TABLE object_reference;
DROP TABLE reference;

CREATE TABLE reference (
    source_key {int} NOT NULL,
    place      {int} NOT NULL,
    kind_key   {int} NOT NULL,
    target_key {int} NOT NULL,
    uuid       {blob} NOT NULL,
    PRIMARY KEY (source_key, place)
) {clustered};
INSERT INTO reference (source_key, place, kind_key, target_key, uuid)
SELECT source_key, place, kind_key, target_key, uuid FROM reference_before ORDER BY source_key, place;
CREATE INDEX reference_by_target ON reference (target_key);
CREATE INDEX reference_by_uuid ON reference (substr(uuid, 1, 4));

CREATE TABLE object_reference (
    object_key  {int} NOT NULL,
    first_place {int} NOT NULL,
    last_place  {int} NOT NULL,
    PRIMARY KEY (object_key, first_place)
) {clustered};
INSERT INTO object_reference (object_key, first_place, last_place)
SELECT object_key, first_place, last_place FROM object_reference_before ORDER BY object_key, first_place;

DROP TABLE reference_before;
DROP TABLE object_reference_before;
