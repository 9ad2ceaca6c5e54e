-- The states of a job, now that one can be cancelled.

ALTER TABLE job ADD CONSTRAINT job_state
    CHECK (state IN ('pending', 'processing', 'completed', 'failed', 'cancelled'));
