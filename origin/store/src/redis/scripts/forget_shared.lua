-- Deletes a few steps, audit entries and inputs that have expired. Returns whether there is more.
local now, steps_before, read_before = take_number(), take_number(), take_number()
local most_unread, audit_before, orphans_before = take_number(), take_number(), take_number()
local SHARED_BATCH = 256

local function number_of(id)
    return tonumber(string.match(id, '^%d+'))
end

-- Steps that every reader has read, that are as old as the oldest kept jobs, or that exceed the
-- number of unread steps. The newest step stays, because readers start after it.
local newest = tonumber(redis.call('HGET', 'cortex:sequences', 'step') or 0)
local read = newest
for _, position in ipairs(redis.call('HVALS', 'cursors')) do
    read = math.min(read, tonumber(position))
end
local steps = redis.call('XRANGE', 'steps', '-', '+', 'COUNT', SHARED_BATCH)
local gone = 0
for _, step in ipairs(steps) do
    local number, at = number_of(step[1]), tonumber(step[2][12])
    local goes = number < newest
        and ((number <= read and at < read_before) or at < steps_before or number + most_unread < newest)
    if not goes then
        break
    end
    redis.call('XDEL', 'steps', step[1])
    gone = gone + 1
end

local expired = 0
for _, entry in ipairs(redis.call('XRANGE', 'audit', '-', '+', 'COUNT', SHARED_BATCH)) do
    if tonumber(entry[2][4]) > audit_before then
        break
    end
    local name = entry[2][2]
    redis.call('XDEL', 'audit', entry[1])
    redis.call('LREM', 'tenant:' .. name .. ':audit', 1, entry[1])
    count(name, 'audit', -1)
    count(name, 'audit_bytes', -(#entry[2][6] + AUDIT_OVERHEAD))
    expired = expired + 1
end

local orphans = redis.call('ZRANGE', 'payloads:orphans', '-inf', '(' .. string.format('%.0f', orphans_before),
    'BYSCORE', 'LIMIT', 0, DELETE_BATCH)
for _, id in ipairs(orphans) do
    redis.call('ZREM', 'payloads:orphans', id)
    redis.call('UNLINK', 'ctx:' .. id)
    delete_drafts(id)
end
local more = gone == SHARED_BATCH or expired == SHARED_BATCH or #orphans == DELETE_BATCH
return { 'FORGOTTEN', more and 1 or 0 }
