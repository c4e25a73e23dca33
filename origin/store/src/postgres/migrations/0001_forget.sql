-- Deletions of a few rows each. They take the lock of the writes, because they change the same
-- totals. A call that finds nothing writes nothing.

CREATE FUNCTION cortex.forget(
    writer bigint, now_at bigint, keys_by bigint, ended_by bigint, read_by bigint, audit_by bigint,
    orphans_before bytea
) RETURNS bigint LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    most bigint;
    deleted bigint;
    newest_step bigint;
    read_step bigint;
    last_step bigint;
    newest_entry bigint;
BEGIN
    PERFORM cortex.enter(writer);

    WITH gone AS (
        DELETE FROM cortex.idempotency i USING (
            SELECT k.tenant, k.key FROM cortex.idempotency k WHERE k.at <= keys_by ORDER BY k.at LIMIT 64
        ) AS x WHERE i.tenant = x.tenant AND i.key = x.key RETURNING i.tenant
    ), counted AS (
        UPDATE cortex.usage u SET keys = u.keys - g.keys
            FROM (SELECT tenant, count(*) AS keys FROM gone GROUP BY tenant) AS g WHERE u.tenant = g.tenant
    )
    SELECT count(*) INTO most FROM gone;

    -- The newest step stays, because readers start after it.
    SELECT max(seq) INTO newest_step FROM cortex.steps;
    SELECT coalesce(min(seq), newest_step) INTO read_step FROM cortex.cursors;
    SELECT min(x.seq) - 1 INTO last_step FROM (
        SELECT o.seq, o.seq >= newest_step OR NOT (
                (o.seq <= read_step AND o.at < read_by) OR o.at < ended_by OR o.seq + 2000000 < newest_step
            ) AS stays
        FROM (SELECT s.seq, s.at FROM cortex.steps s ORDER BY s.seq LIMIT 64) AS o
    ) AS x WHERE x.stays;
    IF last_step IS NULL THEN
        SELECT max(o.seq) INTO last_step FROM (SELECT s.seq FROM cortex.steps s ORDER BY s.seq LIMIT 64) AS o;
    END IF;
    DELETE FROM cortex.steps WHERE seq <= last_step;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    most := greatest(most, deleted);

    WITH gone AS (
        DELETE FROM cortex.loose l WHERE l.job = ANY (ARRAY(
            SELECT o.job FROM cortex.loose o WHERE o.job < orphans_before ORDER BY o.job LIMIT 64
        )) RETURNING l.job
    ), bodies AS (
        DELETE FROM cortex.payloads p USING gone WHERE p.job = gone.job
            AND NOT EXISTS (SELECT 1 FROM cortex.jobs j WHERE j.id = gone.job)
    )
    SELECT count(*) INTO deleted FROM gone;
    most := greatest(most, deleted);

    SELECT entry INTO newest_entry FROM cortex.meta;
    DELETE FROM cortex.audit a WHERE a.first < coalesce(
            (SELECT min(x.first) FROM (SELECT o.first, o.count, o.at FROM cortex.audit o ORDER BY o.first LIMIT 64)
                AS x WHERE x.at > audit_by OR x.first + x.count > newest_entry),
            (SELECT max(x.first) + 1 FROM (SELECT o.first FROM cortex.audit o ORDER BY o.first LIMIT 64) AS x));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN greatest(most, deleted);
END
$$;

CREATE FUNCTION cortex.forget_jobs(
    writer bigint, tenant_name text, ended_jobs bigint, ended_by bigint, now_at bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    excess bigint;
    gone record;
BEGIN
    PERFORM cortex.enter(writer);
    SELECT greatest(u.jobs - u.open - ended_jobs, 0) INTO excess FROM cortex.usage u WHERE u.tenant = tenant_name;
    SELECT deleted, freed INTO gone
        FROM cortex.delete_oldest(tenant_name, coalesce(excess, 0), ended_by, now_at);
    IF gone.deleted > 0 THEN
        UPDATE cortex.usage u SET jobs = u.jobs - gone.deleted, bytes = u.bytes - gone.freed
            WHERE u.tenant = tenant_name;
        DELETE FROM cortex.usage u
            WHERE u.tenant = tenant_name AND (u.jobs, u.open, u.bytes, u.keys) = (0, 0, 0, 0);
        DELETE FROM cortex.counts c WHERE c.tenant = tenant_name AND c.jobs = 0;
    END IF;
    RETURN gone.deleted;
END
$$;

-- Deletes a few of the oldest audit rows of a tenant whose later rows already fill its share.
-- Returns how many, and how many of their entries had not expired.
CREATE FUNCTION cortex.trim_audit(
    writer bigint, tenant_name text, most_entries bigint, most_bytes bigint, audit_by bigint,
    OUT deleted bigint, OUT early bigint
) LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    newest record;
BEGIN
    PERFORM cortex.enter(writer);
    SELECT a.tenant_entries, a.tenant_bytes INTO newest FROM cortex.audit a
        WHERE a.tenant = tenant_name ORDER BY a.first DESC LIMIT 1;
    WITH gone AS (
        DELETE FROM cortex.audit a WHERE a.first = ANY (ARRAY(
            SELECT o.first FROM (
                SELECT x.first, x.tenant_entries, x.tenant_bytes FROM cortex.audit x
                WHERE x.tenant = tenant_name ORDER BY x.first LIMIT 64
            ) AS o
            WHERE newest.tenant_entries - o.tenant_entries >= most_entries
                OR newest.tenant_bytes - o.tenant_bytes >= most_bytes
        )) RETURNING a.count, a.at
    )
    SELECT count(*), coalesce(sum(g.count) FILTER (WHERE g.at > audit_by), 0) INTO deleted, early FROM gone g;
END
$$;

-- Deletes drafts under leases that no job has.
-- Deletes the payloads of a call that has ended, unless the call became a durable job.
CREATE FUNCTION cortex.discard(writer bigint, call bytea) RETURNS void LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM cortex.enter(writer);
    DELETE FROM cortex.loose l WHERE l.job = call;
    IF FOUND THEN
        DELETE FROM cortex.payloads p WHERE p.job = call;
    END IF;
END
$$;

CREATE FUNCTION cortex.sweep_drafts(writer bigint, most integer) RETURNS bigint LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    deleted bigint;
BEGIN
    PERFORM cortex.enter(writer);
    DELETE FROM cortex.payloads p USING (
        SELECT d.job, d.dispatch FROM cortex.payloads d WHERE d.space = 3 AND NOT EXISTS (
            SELECT 1 FROM cortex.jobs j WHERE j.id = d.job AND j.dispatch = d.dispatch)
            -- The input of an open call is there before its job.
            AND NOT EXISTS (SELECT 1 FROM cortex.loose l WHERE l.job = d.job)
        LIMIT most
    ) AS x WHERE p.job = x.job AND p.space = 3 AND p.dispatch = x.dispatch;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;
