-- How many jobs are deleted at once at most, and how many bytes of them.
local DELETE_BATCH = 64
local DELETE_BYTES = 4194304
-- How many of the newest jobs of all tenants are listed together.
local RECENT = 1000

local function state_indexes(job)
    local tenant = 'tenant:' .. job.tenant
    return {
        'jobs:state:' .. job.state,
        tenant .. ':jobs:' .. job.state,
        tenant .. ':topic:' .. job.topic .. ':' .. job.state,
    }
end

local function enter_state(job)
    for _, index in ipairs(state_indexes(job)) do
        redis.call('ZADD', index, 0, job.id)
    end
    redis.call('HINCRBY', 'jobs:counts', job.tenant .. ':' .. job.state, 1)
end

local function leave_state(job)
    for _, index in ipairs(state_indexes(job)) do
        redis.call('ZREM', index, job.id)
    end
    local pair = job.tenant .. ':' .. job.state
    if redis.call('HINCRBY', 'jobs:counts', pair, -1) <= 0 then
        redis.call('HDEL', 'jobs:counts', pair)
    end
end

-- Records when a job ended. A job with an idempotency key is kept at least as long as the key.
local function enter_ended(job)
    local tenant = 'tenant:' .. job.tenant
    if tonumber(job.kept_until) > tonumber(job.updated_at) then
        redis.call('ZADD', tenant .. ':kept', job.kept_until, job.id)
    else
        redis.call('ZADD', tenant .. ':ended', job.updated_at, job.id)
    end
end

local function append_log(job)
    redis.call('RPUSH', 'log:' .. job.id, job.log)
end

local function append_steps(job, steps)
    for _, step in ipairs(steps) do
        redis.call('XADD', 'steps', next_id('step'), 'job', job.id, 'tenant', job.tenant,
            'version', step.version, 'attempt', step.attempt, 'state', step.state, 'at', step.at)
    end
end

local function append_outbox(messages)
    for _, row in ipairs(messages) do
        redis.call('XADD', 'outbox', next_id('message'), 'message', row.message)
    end
end

-- Records the dispatch whose draft the job may publish, so that the draft is swept once it can't be.
local function expect_draft(job)
    if job.dispatch ~= '' then
        redis.call('ZADD', 'drafts', 0, job.id .. ':' .. job.dispatch)
    end
end

local function take_job()
    return {
        id = take(), tenant = take(), topic = take(), state = take(), version = take(), open = take(),
        dispatch = take(), updated_at = take(), record = take(), log = take(),
    }
end

-- Reads what only a new job has.
local function take_new_job()
    local job = take_job()
    job.kept_until = take()
    job.bytes = take_number()
    job.trace = take()
    return job
end

local function insert(job)
    redis.call('HSET', 'job:' .. job.id, 'tenant', job.tenant, 'topic', job.topic, 'state', job.state,
        'version', job.version, 'open', job.open, 'dispatch', job.dispatch, 'updated_at', job.updated_at,
        'kept_until', job.kept_until, 'bytes', job.bytes, 'trace', job.trace, 'record', job.record)
    append_log(job)
    redis.call('ZADD', 'tenants', 0, job.tenant)
    redis.call('ZADD', 'tenant:' .. job.tenant .. ':jobs', 0, job.id)
    redis.call('ZADD', 'tenant:' .. job.tenant .. ':topic:' .. job.topic, 0, job.id)
    redis.call('ZADD', 'jobs:recent', 0, job.id)
    redis.call('ZREMRANGEBYRANK', 'jobs:recent', 0, -RECENT - 1)
    enter_state(job)
    expect_draft(job)
    if job.open == '1' then
        redis.call('ZADD', 'jobs:open', 0, job.id)
        count(job.tenant, 'open', 1)
    else
        enter_ended(job)
    end
    if job.trace ~= '' then
        redis.call('SADD', 'trace:' .. job.trace, job.id)
    end
    count(job.tenant, 'jobs', 1)
    count(job.tenant, 'bytes', job.bytes)
end

-- Deletes the drafts of a job.
local function delete_drafts(id)
    local drafts = redis.call('ZRANGE', 'drafts', '[' .. id .. ':', '(' .. id .. ';', 'BYLEX')
    for _, draft in ipairs(drafts) do
        redis.call('UNLINK', 'res:' .. draft)
        redis.call('ZREM', 'drafts', draft)
    end
end

-- Deletes an ended job and everything that belongs to it. Returns its bytes.
local function delete_job(id)
    local found = redis.call('HMGET', 'job:' .. id, 'tenant', 'topic', 'state', 'open', 'bytes', 'trace')
    local job = { id = id, tenant = found[1], topic = found[2], state = found[3] }
    if not job.tenant or found[4] == '1' then
        return nil
    end
    redis.call('UNLINK', 'job:' .. id, 'log:' .. id, 'ctx:' .. id, 'res:' .. id)
    delete_drafts(id)
    leave_state(job)
    local tenant = 'tenant:' .. job.tenant
    redis.call('ZREM', tenant .. ':jobs', id)
    redis.call('ZREM', tenant .. ':topic:' .. job.topic, id)
    redis.call('ZREM', tenant .. ':ended', id)
    redis.call('ZREM', tenant .. ':kept', id)
    redis.call('ZREM', 'jobs:recent', id)
    if found[6] ~= '' then
        redis.call('SREM', 'trace:' .. found[6], id)
    end
    count(job.tenant, 'jobs', -1)
    count(job.tenant, 'bytes', -tonumber(found[5]))
    return tonumber(found[5])
end

-- Makes jobs deletable whose idempotency keys have expired.
local function release_kept(tenant, now)
    local kept, ended = 'tenant:' .. tenant .. ':kept', 'tenant:' .. tenant .. ':ended'
    local due = redis.call('ZRANGE', kept, '-inf', now, 'BYSCORE', 'LIMIT', 0, DELETE_BATCH)
    for _, id in ipairs(due) do
        redis.call('ZREM', kept, id)
        local at = redis.call('HGET', 'job:' .. id, 'updated_at')
        if at then
            redis.call('ZADD', ended, at, id)
        end
    end
    return #due
end

-- Deletes a few of a tenant's oldest ended jobs while `is_due(n, ended_at)` holds for the n-th.
-- Returns how many.
local function delete_oldest(tenant, is_due)
    local oldest = redis.call('ZRANGE', 'tenant:' .. tenant .. ':ended', 0, DELETE_BATCH - 1, 'WITHSCORES')
    local deleted, bytes = 0, 0
    for n = 1, #oldest / 2 do
        if bytes > DELETE_BYTES or not is_due(n, tonumber(oldest[2 * n])) then
            break
        end
        local id = oldest[2 * n - 1]
        local freed = delete_job(id)
        if freed then
            bytes = bytes + freed
            deleted = deleted + 1
        else
            redis.call('ZREM', 'tenant:' .. tenant .. ':ended', id)
        end
    end
    return deleted
end
