"""The database contract: the records that upstream's database keeps, as public views and as documents for ArangoDB.

A *record* is one content of an object in one release of a knowledge base. Views and documents show the same records under the
same keys and with the same flags. The rules:

Key
    `<STIX id>+<moment>`, in UTC with six digits. The moment is that of the release's import, for links that of their making.
    Where a release carries one id with several contents, each further one comes one microsecond later.
    `_id` is the collection, `/` and the key. Relationships are in the edge collection, all else in the vertex collection.

Rank
    Of the records of one id in a knowledge base, the one with the greatest `modified` ranks highest, of those the one of the
    highest release, of those the last in its file. A record without `modified` ranks below all others.

`_is_latest`
    True for the record of an id that ranks highest. An edge falls with its source: if its release has the source and that
    record is not the latest, neither is the edge. Relationships embedded in an edge fall with that edge, and it ends there,
    because no relationship may begin at a relationship (STIX 2.1, section 5.1); only embedded ones do.

`_taxii` (documents only)
    `visible`: the record ranks highest among those of its id with the same `modified`. `last`: it is the latest. `first`: it is
    visible, and no record of its id has an earlier `modified`.

`_from`, `_to`
    The `_id` of the record of that id in the same release, of several the one that ranks highest. For a seed it is the seed's
    first record. Where there is neither, `<vertex collection>/<STIX id>` without a moment.

Embedded relationships
    A record for each reference of a record, unless the release was installed without them, or carries a relationship of its own
    under the same id.

Seeds
    Objects that every vertex collection of upstream holds although no file carries them. Only the documents have them.

`records.py` and `seeds.py` read and rank records, `documents.py` and `collections.py` write them for ArangoDB, and `views.py`
does the same in SQL. One test compares views with documents, another one compares both with records computed in plain Python.
"""
