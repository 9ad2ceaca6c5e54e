-- How long the lease of a job was when it was given, in microseconds: one that ends further ahead has run out.
ALTER TABLE job ADD COLUMN lease_length {int} NOT NULL DEFAULT 60000000;
