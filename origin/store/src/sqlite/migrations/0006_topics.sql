-- Every list of jobs reads the jobs of one state or merges those of all states, so the first index
-- is needed no more.
DROP INDEX jobs_by_tenant;
CREATE INDEX jobs_by_topic ON jobs (tenant, topic, state, id);
