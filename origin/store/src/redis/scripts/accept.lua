-- Accepts a submission once.
local job = take_new_job()
local input = take()
local key, fingerprint, claimed_after = take(), take(), take_number()
local limits = take_limits()
local steps, messages = take_rows('version', 'attempt', 'state', 'at'), take_rows('message')

local claim = 'key:' .. job.tenant .. ':' .. key
local claimed
if key ~= '' then
    claimed = redis.call('HMGET', claim, 'job', 'fingerprint', 'at')
    -- An expired key no longer counts, even if it has not been deleted yet.
    if claimed[1] and tonumber(claimed[3]) > claimed_after then
        if claimed[2] ~= fingerprint then
            return { 'MISMATCH' }
        end
        return { 'KNOWN', redis.call('HGET', 'job:' .. claimed[1], 'record') or '' }
    end
end
local known = redis.call('HGET', 'job:' .. job.id, 'record')
if known then
    local same = redis.call('GET', 'ctx:' .. job.id) == input
    return { 'EXISTS', known, same and 1 or 0 }
end
local keys = (key ~= '' and not claimed[1]) and 1 or 0
local refused = refusal(job, keys, limits, job.updated_at)
if refused then
    return refused
end

announce()
insert(job)
redis.call('SET', 'ctx:' .. job.id, input)
if key ~= '' then
    redis.call('HSET', claim, 'job', job.id, 'fingerprint', fingerprint, 'at', job.updated_at)
    redis.call('ZADD', 'tenant:' .. job.tenant .. ':keys', job.updated_at, key)
    count(job.tenant, 'keys', keys)
end
append_steps(job, steps)
append_outbox(messages)
return { 'NEW' }
