-- The limits, in the order in which they are checked.
local FIELDS = { 'open', 'jobs', 'bytes', 'keys' }
local JOBS, BYTES, KEYS = 2, 3, 4

local function take_limits()
    return { take_number(), take_number(), take_number(), take_number() }
end

-- Returns the first limit that a tenant would exceed with what is added.
local function exceeded(tenant, added, limits)
    local has = redis.call('HMGET', 'usage:' .. tenant, unpack(FIELDS))
    for n = 1, #FIELDS do
        if tonumber(has[n] or 0) + added[n] > limits[n] then
            return n
        end
    end
end

local function first_score(key)
    return redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
end

-- Returns when the oldest ended job of a tenant ended.
local function oldest_ended(tenant)
    local ended = first_score('tenant:' .. tenant .. ':ended')
    local kept = redis.call('ZRANGE', 'tenant:' .. tenant .. ':kept', 0, 0)[1]
    local kept_ended = kept and redis.call('HGET', 'job:' .. kept, 'updated_at')
    if ended and kept_ended and tonumber(kept_ended) < tonumber(ended) then
        return kept_ended
    end
    return ended or kept_ended
end

-- Returns the reply of a refusal if a tenant exceeds a limit. If that is one job too many, the
-- oldest ended jobs are deleted.
local function refusal(job, keys, limits, now)
    local added = { tonumber(job.open), 1, job.bytes, keys }
    local bound = exceeded(job.tenant, added, limits)
    if bound == JOBS then
        release_kept(job.tenant, now)
        if delete_oldest(job.tenant, function() return true end) > 0 then
            bound = exceeded(job.tenant, added, limits)
        end
    end
    if not bound then
        return nil
    end
    local oldest
    if bound == BYTES then
        oldest = oldest_ended(job.tenant)
    elseif bound == JOBS or bound == KEYS then
        oldest = first_score('tenant:' .. job.tenant .. ':keys')
    end
    return { 'LIMIT', bound, oldest or '' }
end
