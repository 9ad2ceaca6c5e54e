-- Digests by which a check finds that a link or a detail is missing. Rows of earlier versions have none.

ALTER TABLE link_set ADD COLUMN digest {blob};
ALTER TABLE release ADD COLUMN details_digest {blob};
