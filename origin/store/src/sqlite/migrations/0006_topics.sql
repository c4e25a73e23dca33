-- Every list of jobs reads the jobs of one state or merges those of all states, so the index by
-- tenant alone is needed no more. A job enters the first index once when it is accepted and the
-- second one once when it ends, because an index that moves a job at each change costs a third more
-- processor time and writes.
DROP INDEX jobs_by_tenant;
CREATE INDEX open_by_topic ON jobs (tenant, topic, id) WHERE open = 1;
CREATE INDEX ended_by_topic ON jobs (tenant, topic, state, id) WHERE open = 0;
