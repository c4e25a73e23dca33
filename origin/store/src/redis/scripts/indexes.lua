-- Says which indexes must list a job, by the fields of its hash.
local FIELDS = { 'tenant', 'topic', 'state', 'open', 'dispatch', 'trace', 'version', 'kept_until', 'bytes', 'record' }

local function read_job(id)
    local values = redis.call('HMGET', 'job:' .. id, unpack(FIELDS))
    if not values[1] then
        return nil
    end
    local job = { id = id }
    for n, field in ipairs(FIELDS) do
        job[field] = values[n] or ''
    end
    return job
end

-- Returns pairs of the general name of an index and its key.
local function indexes_of(job)
    local tenant = 'tenant:' .. job.tenant
    local indexes = {
        { 'jobs:state:<STATE>', 'jobs:state:' .. job.state },
        { 'tenant:<tenant>:jobs', tenant .. ':jobs' },
        { 'tenant:<tenant>:jobs:<STATE>', tenant .. ':jobs:' .. job.state },
        { 'tenant:<tenant>:topic:<topic>', tenant .. ':topic:' .. job.topic },
        { 'tenant:<tenant>:topic:<topic>:<STATE>', tenant .. ':topic:' .. job.topic .. ':' .. job.state },
    }
    if job.open == '1' then
        indexes[#indexes + 1] = { 'jobs:open', 'jobs:open' }
    end
    return indexes
end

local function is_ended_listed(job)
    local tenant = 'tenant:' .. job.tenant
    return redis.call('ZSCORE', tenant .. ':ended', job.id) or redis.call('ZSCORE', tenant .. ':kept', job.id)
end

-- Returns the general names of the indexes that do not list a job.
local function unlisted(job)
    local names = {}
    for _, index in ipairs(indexes_of(job)) do
        if not redis.call('ZSCORE', index[2], job.id) then
            names[#names + 1] = index[1]
        end
    end
    if job.open ~= '1' and not is_ended_listed(job) then
        names[#names + 1] = 'tenant:<tenant>:ended'
    end
    if job.dispatch ~= '' and not redis.call('ZSCORE', 'drafts', job.id .. ':' .. job.dispatch) then
        names[#names + 1] = 'drafts'
    end
    if job.trace ~= '' and redis.call('SISMEMBER', 'trace:' .. job.trace, job.id) == 0 then
        names[#names + 1] = 'trace:<trace>'
    end
    if not redis.call('ZSCORE', 'tenants', job.tenant) then
        names[#names + 1] = 'tenants'
    end
    return names
end

-- Returns whether an index of jobs may list a job.
local function is_listed_rightly(key, job)
    if key == 'jobs:recent' then
        return true
    end
    local tenant = 'tenant:' .. job.tenant
    if key == tenant .. ':ended' or key == tenant .. ':kept' then
        return job.open ~= '1'
    end
    if key == 'trace:' .. job.trace then
        return true
    end
    for _, index in ipairs(indexes_of(job)) do
        if key == index[2] then
            return true
        end
    end
    return false
end
