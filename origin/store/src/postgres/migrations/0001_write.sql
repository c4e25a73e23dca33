-- Every write begins here. The lock puts the writes of all processes in one order, so that the
-- numbers rise in the order of commits and no two writes wait for each other. Its cost: each
-- process's batch waits for the flush of the one before. The lock ends with the transaction, which
-- is one statement, so a client that stops in the middle holds nothing.
CREATE FUNCTION cortex.enter(writer bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1668248180);
    -- The commit waits for the flush, whatever the server's default is.
    IF current_setting('synchronous_commit') IN ('off', 'local', 'remote_write') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    IF NOT EXISTS (SELECT 1 FROM cortex.meta WHERE epoch = writer) THEN
        RAISE EXCEPTION 'another process has opened this store' USING ERRCODE = 'CX001';
    END IF;
END
$$;

-- Deletes the oldest jobs of a tenant that have ended and that no key names: at most 64, and at
-- most 4 MiB if they are more than one. A job is deleted if it is among the first `excess`, or if
-- it ended by `ended_by`.
CREATE FUNCTION cortex.delete_oldest(
    tenant_name text, excess bigint, ended_by bigint, now_at bigint, OUT deleted bigint, OUT freed bigint
) LANGUAGE sql
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
    WITH found AS (
        SELECT id, bytes, updated_at, row_number() OVER (ORDER BY id) AS place FROM (
            SELECT id, bytes, updated_at FROM cortex.jobs
            WHERE tenant = tenant_name AND NOT open AND kept_until <= now_at ORDER BY id LIMIT 256
        ) AS oldest
    ), summed AS (
        SELECT id, row_number() OVER (ORDER BY id) AS place, sum(bytes) OVER (ORDER BY id) AS total
        FROM found WHERE place <= excess OR updated_at <= ended_by
    ), gone AS (
        DELETE FROM cortex.jobs WHERE NOT open AND id = ANY (ARRAY(
            SELECT id FROM summed WHERE place = 1 OR (place <= 64 AND total <= 4194304)))
        RETURNING id, state, bytes
    ), counted AS (
        INSERT INTO cortex.counts AS c (tenant, state, jobs)
            SELECT tenant_name, state, -count(*) FROM gone GROUP BY state
            ON CONFLICT (tenant, state) DO UPDATE SET jobs = c.jobs + excluded.jobs
    ), logs AS (
        DELETE FROM cortex.log USING gone WHERE log.job = gone.id
    ), bodies AS (
        DELETE FROM cortex.payloads USING gone WHERE payloads.job = gone.id
    )
    SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM gone
$$;

-- Runs a batch of writes, each with an outcome of its own, in one transaction and with one flush.
-- A write that is refused does not affect the others, because each decides before it writes.
-- Element i of the first arrays belongs to write i; the other arrays name their write.
CREATE FUNCTION cortex.write(
    writer bigint, tenants text[],
    -- The most open jobs, jobs, bytes and keys of a tenant, and how long keys count in milliseconds.
    limits bigint[],
    kinds integer[], tenant_numbers integer[], ids bytea[], topics text[], states integer[],
    versions bigint[], expected bigint[], opens boolean[], dispatches bytea[], created bigint[],
    updated bigint[], sizes bigint[], kept bigint[], records bytea[], logs bytea[], names text[],
    fingerprints bytea[], spaces integer[], places bytea[], bodies bytea[],
    step_writes integer[], step_versions bigint[], step_attempts integer[], step_states integer[],
    step_times bigint[], message_writes integer[], messages bytea[], entry_writes integer[],
    entry_tenants text[], entry_counts bigint[], entry_times bigint[], entry_batches bytea[],
    relayed bigint[],
    -- The share and the epoch of the scheduler that writes, or NULL.
    term_shares integer[], term_epochs bigint[]
) RETURNS TABLE (outcome integer, job_record bytea, is_same boolean, bound integer, oldest bigint)
LANGUAGE plpgsql
SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    accept CONSTANT integer := 1;
    commit_change CONSTANT integer := 2;
    persist CONSTANT integer := 3;
    record_call CONSTANT integer := 4;
    put CONSTANT integer := 5;
    set_cursor CONSTANT integer := 6;

    done CONSTANT integer := 0;
    known CONSTANT integer := 1;
    mismatch CONSTANT integer := 2;
    same_id CONSTANT integer := 3;
    conflict CONSTANT integer := 4;
    no_draft CONSTANT integer := 5;
    beyond_limit CONSTANT integer := 6;
    no_job CONSTANT integer := 7;
    term_over CONSTANT integer := 8;

    used_jobs bigint[];
    used_open bigint[];
    used_bytes bigint[];
    used_keys bigint[];
    is_done boolean[] := array_fill(false, ARRAY[cardinality(kinds)]);
    is_audited boolean[] := array_fill(false, ARRAY[cardinality(kinds)]);
    -- The jobs that enter a state or leave it: the number of the tenant, the state, and 1 or -1.
    moved_tenants integer[] := '{}';
    moved_states integer[] := '{}';
    moved_by integer[] := '{}';
    old_state integer;
    last_step bigint;
    last_message bigint;
    last_entry bigint;

    t integer;
    key_job bytea;
    key_fingerprint bytea;
    more_keys bigint;
    size bigint;
    trimmed record;
    batch record;
    before record;
    written bigint;
BEGIN
    PERFORM cortex.enter(writer);
    SELECT step, message, entry INTO last_step, last_message, last_entry FROM cortex.meta;
    SELECT array_agg(coalesce(u.jobs, 0) ORDER BY x.n), array_agg(coalesce(u.open, 0) ORDER BY x.n),
           array_agg(coalesce(u.bytes, 0) ORDER BY x.n), array_agg(coalesce(u.keys, 0) ORDER BY x.n)
        INTO used_jobs, used_open, used_bytes, used_keys
        FROM unnest(tenants) WITH ORDINALITY AS x (name, n) LEFT JOIN cortex.usage u ON u.tenant = x.name;

    FOR i IN 1 .. cardinality(kinds) LOOP
        outcome := done;
        job_record := NULL;
        is_same := NULL;
        bound := NULL;
        oldest := NULL;
        t := tenant_numbers[i];

        IF term_shares[i] IS NOT NULL AND NOT EXISTS (SELECT 1 FROM cortex.shares s
                WHERE s.share = term_shares[i] AND s.epoch = term_epochs[i] AND s.owner IS NOT NULL) THEN
            outcome := term_over;

        ELSIF kinds[i] = commit_change THEN
            SELECT j.state INTO old_state FROM cortex.jobs j WHERE j.id = ids[i];
            UPDATE cortex.jobs j SET state = states[i], version = versions[i], open = opens[i],
                    dispatch = dispatches[i], updated_at = updated[i], record = records[i]
                WHERE j.id = ids[i] AND j.version = expected[i]
                    AND (places[i] IS NULL OR EXISTS (SELECT 1 FROM cortex.payloads p
                        WHERE p.job = ids[i] AND p.space = 3 AND p.dispatch = places[i]));
            IF FOUND THEN
                IF places[i] IS NOT NULL THEN
                    DELETE FROM cortex.payloads p WHERE p.job = ids[i] AND p.space = 2;
                    UPDATE cortex.payloads p SET space = 2, dispatch = ''
                        WHERE p.job = ids[i] AND p.space = 3 AND p.dispatch = places[i]
                        RETURNING length(p.body) INTO size;
                    UPDATE cortex.jobs j SET bytes = j.bytes + size WHERE j.id = ids[i];
                    used_bytes[t] := used_bytes[t] + size;
                END IF;
                IF logs[i] IS NOT NULL THEN
                    INSERT INTO cortex.log AS l (job, version, entries) VALUES (ids[i], versions[i], logs[i])
                        ON CONFLICT (job, version) DO UPDATE SET entries = excluded.entries;
                END IF;
                IF NOT opens[i] THEN
                    used_open[t] := used_open[t] - 1;
                END IF;
                IF old_state <> states[i] THEN
                    moved_tenants := moved_tenants || ARRAY[t, t];
                    moved_states := moved_states || ARRAY[old_state, states[i]];
                    moved_by := moved_by || ARRAY[-1, 1];
                END IF;
            ELSIF EXISTS (SELECT 1 FROM cortex.jobs j WHERE j.id = ids[i] AND j.version = expected[i]) THEN
                outcome := no_draft;
            ELSE
                outcome := conflict;
            END IF;

        ELSIF kinds[i] IN (accept, persist, record_call) THEN
            more_keys := 0;
            size := sizes[i];
            IF kinds[i] = accept AND names[i] IS NOT NULL THEN
                SELECT k.job, k.fingerprint INTO key_job, key_fingerprint FROM cortex.idempotency k
                    WHERE k.tenant = tenants[t] AND k.key = names[i] AND k.at > created[i] - limits[5];
                IF FOUND AND key_fingerprint <> fingerprints[i] THEN
                    outcome := mismatch;
                ELSIF FOUND THEN
                    SELECT j.record INTO job_record FROM cortex.jobs j WHERE j.id = key_job;
                    outcome := CASE WHEN job_record IS NULL THEN no_job ELSE known END;
                ELSE
                    -- A row of this key is left if the key has expired.
                    SELECT 1 - count(*) INTO more_keys FROM cortex.idempotency k
                        WHERE k.tenant = tenants[t] AND k.key = names[i];
                END IF;
            END IF;
            IF outcome = done THEN
                SELECT j.record INTO job_record FROM cortex.jobs j WHERE j.id = ids[i];
                IF FOUND THEN
                    is_same := EXISTS (SELECT 1 FROM cortex.payloads p
                        WHERE p.job = ids[i] AND p.space = 1 AND p.dispatch = '' AND p.body = bodies[i]);
                    outcome := CASE WHEN kinds[i] = accept THEN same_id ELSE conflict END;
                END IF;
            END IF;
            is_audited[i] := kinds[i] = record_call;
            IF outcome = done THEN
                IF kinds[i] = persist THEN
                    DELETE FROM cortex.loose l WHERE l.job = ids[i];
                    size := size + coalesce((SELECT length(p.body) FROM cortex.payloads p
                        WHERE p.job = ids[i] AND p.space = 1 AND p.dispatch = ''), 0);
                END IF;
                FOR try IN 1 .. 2 LOOP
                    bound := CASE
                        WHEN used_open[t] + opens[i]::integer > limits[1] THEN 1
                        WHEN used_jobs[t] + 1 > limits[2] THEN 2
                        WHEN used_bytes[t] + size > limits[3] THEN 3
                        WHEN used_keys[t] + more_keys > limits[4] THEN 4
                    END;
                    EXIT WHEN bound IS DISTINCT FROM 2 OR try = 2;
                    SELECT deleted, freed INTO trimmed
                        FROM cortex.delete_oldest(tenants[t], 64, 0, updated[i]);
                    used_jobs[t] := used_jobs[t] - trimmed.deleted;
                    used_bytes[t] := used_bytes[t] - trimmed.freed;
                END LOOP;
                IF bound IS NOT NULL THEN
                    outcome := beyond_limit;
                    oldest := CASE
                        WHEN bound = 3 THEN (SELECT j.updated_at FROM cortex.jobs j
                            WHERE j.tenant = tenants[t] AND NOT j.open ORDER BY j.id LIMIT 1)
                        WHEN bound IN (2, 4) THEN (SELECT k.at FROM cortex.idempotency k
                            WHERE k.tenant = tenants[t] ORDER BY k.at LIMIT 1)
                    END;
                    IF kinds[i] = persist THEN
                        DELETE FROM cortex.payloads p WHERE p.job = ids[i];
                        is_audited[i] := true;
                    END IF;
                ELSE
                    INSERT INTO cortex.jobs (id, tenant, topic, state, version, open, dispatch, created_at,
                            updated_at, bytes, kept_until, record)
                        VALUES (ids[i], tenants[t], topics[i], states[i], versions[i], opens[i], dispatches[i],
                            created[i], updated[i], size, kept[i], records[i]);
                    INSERT INTO cortex.log AS l (job, version, entries) VALUES (ids[i], versions[i], logs[i])
                        ON CONFLICT (job, version) DO UPDATE SET entries = excluded.entries;
                    IF kinds[i] = accept THEN
                        INSERT INTO cortex.payloads AS p (job, space, dispatch, body)
                            VALUES (ids[i], 1, '', bodies[i])
                            ON CONFLICT (job, space, dispatch) DO UPDATE SET body = excluded.body;
                        DELETE FROM cortex.loose l WHERE l.job = ids[i];
                        IF names[i] IS NOT NULL THEN
                            INSERT INTO cortex.idempotency AS k (tenant, key, fingerprint, job, at)
                                VALUES (tenants[t], names[i], fingerprints[i], ids[i], created[i])
                                ON CONFLICT (tenant, key) DO UPDATE
                                SET fingerprint = excluded.fingerprint, job = excluded.job, at = excluded.at;
                        END IF;
                    END IF;
                    used_jobs[t] := used_jobs[t] + 1;
                    used_open[t] := used_open[t] + opens[i]::integer;
                    used_bytes[t] := used_bytes[t] + size;
                    used_keys[t] := used_keys[t] + more_keys;
                    moved_tenants := moved_tenants || t;
                    moved_states := moved_states || states[i];
                    moved_by := moved_by || 1;
                END IF;
            END IF;

        ELSIF kinds[i] = put THEN
            INSERT INTO cortex.payloads AS p (job, space, dispatch, body)
                VALUES (ids[i], spaces[i], places[i], bodies[i])
                ON CONFLICT (job, space, dispatch) DO UPDATE SET body = excluded.body;
            IF spaces[i] = 1 THEN
                INSERT INTO cortex.loose (job) SELECT ids[i]
                    WHERE NOT EXISTS (SELECT 1 FROM cortex.jobs j WHERE j.id = ids[i])
                    ON CONFLICT DO NOTHING;
            END IF;

        ELSIF kinds[i] = set_cursor THEN
            INSERT INTO cortex.cursors AS c (name, seq) VALUES (names[i], versions[i])
                ON CONFLICT (name) DO UPDATE SET seq = excluded.seq;
        END IF;

        IF outcome = done THEN
            is_done[i] := true;
            is_audited[i] := true;
        END IF;
        RETURN NEXT;
    END LOOP;

    INSERT INTO cortex.steps (seq, job, tenant, version, attempt, state, at)
        SELECT last_step + row_number() OVER (ORDER BY x.n), ids[x.w], tenants[tenant_numbers[x.w]], x.version,
                x.attempt, x.state, x.at
            FROM unnest(step_writes, step_versions, step_attempts, step_states, step_times)
                WITH ORDINALITY AS x (w, version, attempt, state, at, n)
            WHERE is_done[x.w] ORDER BY x.n;
    GET DIAGNOSTICS written = ROW_COUNT;
    last_step := last_step + written;

    INSERT INTO cortex.outbox (seq, message)
        SELECT last_message + row_number() OVER (ORDER BY x.n), x.message
            FROM unnest(message_writes, messages) WITH ORDINALITY AS x (w, message, n)
            WHERE is_done[x.w] ORDER BY x.n;
    GET DIAGNOSTICS written = ROW_COUNT;
    last_message := last_message + written;
    IF cardinality(relayed) > 0 THEN
        DELETE FROM cortex.outbox o WHERE o.seq = ANY (relayed);
    END IF;

    -- An encoded batch followed by another is the batch of both.
    FOR batch IN
        SELECT x.tenant, sum(x.count)::bigint AS count, string_agg(x.entries, ''::bytea ORDER BY x.n) AS entries,
                (array_agg(x.at ORDER BY x.n DESC))[1] AS at
            FROM unnest(entry_writes, entry_tenants, entry_counts, entry_times, entry_batches)
                WITH ORDINALITY AS x (w, tenant, count, at, entries, n)
            WHERE is_audited[x.w] GROUP BY x.tenant ORDER BY x.tenant COLLATE "C"
    LOOP
        SELECT a.tenant_entries, a.tenant_bytes INTO before FROM cortex.audit a
            WHERE a.tenant = batch.tenant ORDER BY a.first DESC LIMIT 1;
        INSERT INTO cortex.audit (first, count, at, tenant, tenant_entries, tenant_bytes, entries)
            VALUES (last_entry + 1, batch.count, batch.at, batch.tenant,
                coalesce(before.tenant_entries, 0) + batch.count,
                coalesce(before.tenant_bytes, 0) + 64 + length(batch.entries), batch.entries);
        last_entry := last_entry + batch.count;
    END LOOP;

    INSERT INTO cortex.usage AS u (tenant, jobs, open, bytes, keys)
        SELECT x.name, x.jobs, x.open, x.bytes, x.keys
            FROM unnest(tenants, used_jobs, used_open, used_bytes, used_keys) AS x (name, jobs, open, bytes, keys)
        ON CONFLICT (tenant) DO UPDATE
        SET jobs = excluded.jobs, open = excluded.open, bytes = excluded.bytes, keys = excluded.keys
        WHERE (u.jobs, u.open, u.bytes, u.keys) <> (excluded.jobs, excluded.open, excluded.bytes, excluded.keys);
    INSERT INTO cortex.counts AS c (tenant, state, jobs)
        SELECT tenants[x.t], x.state, sum(x.moved)
            FROM unnest(moved_tenants, moved_states, moved_by) AS x (t, state, moved)
            GROUP BY x.t, x.state HAVING sum(x.moved) <> 0
        ON CONFLICT (tenant, state) DO UPDATE SET jobs = c.jobs + excluded.jobs;
    UPDATE cortex.meta SET step = last_step, message = last_message, entry = last_entry
        WHERE (step, message, entry) <> (last_step, last_message, last_entry);
END
$$;
