-- The schedulers, each with the count of its heartbeats, and the owner of each share.
CREATE TABLE cortex.schedulers (
    id text COLLATE "C" PRIMARY KEY,
    beats bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);

CREATE TABLE cortex.shares (
    share integer PRIMARY KEY,
    epoch bigint NOT NULL,
    owner text COLLATE "C"
) WITH (fillfactor = 50);

-- Opens the store for a process. One that shares it joins those that share it already. Otherwise the
-- epoch is raised, which fences every process that opened the store before. Returns the epoch.
CREATE FUNCTION cortex.open(shares_it boolean) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    current_epoch bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(1668248180);
    SELECT epoch INTO current_epoch FROM cortex.meta WHERE shared AND shares_it;
    IF FOUND THEN
        RETURN current_epoch;
    END IF;
    -- No scheduler of another process can have a share from now on.
    DELETE FROM cortex.schedulers;
    UPDATE cortex.shares SET owner = NULL;
    UPDATE cortex.meta SET epoch = epoch + 1, shared = shares_it RETURNING epoch INTO current_epoch;
    RETURN current_epoch;
END
$$;

-- Takes a scheduler's turn at the record of shares. `Standing::apply` has the rule. Returns the
-- schedulers with their heartbeats, and the shares with their epoch and owner.
CREATE FUNCTION cortex.turn(
    writer bigint, scheduler text, leaves boolean, takes integer[], epochs bigint[], gives integer[],
    gone text[], gone_beats bigint[]
) RETURNS TABLE (share integer, number bigint, name text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cortex.enter(writer);
    IF leaves THEN
        DELETE FROM cortex.schedulers s WHERE s.id = scheduler;
    ELSE
        INSERT INTO cortex.schedulers AS s (id, beats) VALUES (scheduler, 1)
            ON CONFLICT (id) DO UPDATE SET beats = s.beats + 1;
    END IF;
    DELETE FROM cortex.schedulers s USING unnest(gone, gone_beats) AS g (id, beats)
        WHERE s.id = g.id AND s.beats = g.beats;
    UPDATE cortex.shares s SET owner = NULL
        WHERE s.owner = scheduler AND (leaves OR s.share = ANY (gives));
    IF NOT leaves THEN
        INSERT INTO cortex.shares (share, epoch) SELECT t.share, 0 FROM unnest(takes) AS t (share)
            ON CONFLICT DO NOTHING;
        UPDATE cortex.shares s SET epoch = s.epoch + 1, owner = scheduler
            FROM unnest(takes, epochs) AS t (share, epoch) WHERE s.share = t.share AND s.epoch = t.epoch;
    END IF;
    RETURN QUERY SELECT NULL::integer, s.beats, s.id FROM cortex.schedulers s
        UNION ALL SELECT s.share, s.epoch, s.owner FROM cortex.shares s WHERE s.epoch > 0;
END
$$;
