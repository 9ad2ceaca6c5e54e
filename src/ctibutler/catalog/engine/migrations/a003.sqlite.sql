-- The states of a job, now that one can be cancelled. SQLite adds a check to a table only by making the table anew.

CREATE TABLE job_with_check (
    job_id         {text} PRIMARY KEY,
    type           {text} NOT NULL,
    variant        {text} NOT NULL,
    knowledge_base {text},
    sort_key       {text},
    state          {text} NOT NULL
        CONSTRAINT job_state CHECK (state IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    parameters     {text} NOT NULL,
    options        {text} NOT NULL,
    errors         {text} NOT NULL,
    progress       {text} NOT NULL,
    created        {int} NOT NULL,
    completed      {int},
    lease_until    {int},
    lease_holder   {text},
    attempts       INTEGER NOT NULL DEFAULT 0
);
INSERT INTO job_with_check
SELECT job_id, type, variant, knowledge_base, sort_key, state, parameters, options, errors, progress, created, completed,
       lease_until, lease_holder, attempts
  FROM job;
DROP TABLE job;
ALTER TABLE job_with_check RENAME TO job;
CREATE INDEX job_by_state ON job (state, created);
