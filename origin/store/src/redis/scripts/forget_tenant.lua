-- Deletes a little of what a tenant has too much of or too long. Returns how many jobs were deleted,
-- whether there is more, and how many audit entries were deleted before they expired.
local name = take()
local now, keys_before, ended_before, audit_before = take_number(), take_number(), take_number(), take_number()
local most_ended, most_entries, most_bytes = take_number(), take_number(), take_number()
local tenant = 'tenant:' .. name

local keys = redis.call('ZRANGE', tenant .. ':keys', '-inf', keys_before, 'BYSCORE', 'LIMIT', 0, DELETE_BATCH)
for _, key in ipairs(keys) do
    redis.call('UNLINK', 'key:' .. name .. ':' .. key)
    redis.call('ZREM', tenant .. ':keys', key)
end
count(name, 'keys', -#keys)

local released = release_kept(name, now)
local ended = redis.call('ZCARD', tenant .. ':ended') + redis.call('ZCARD', tenant .. ':kept')
local deleted = delete_oldest(name, function(n, ended_at)
    return n <= ended - most_ended or ended_at <= ended_before
end)

local usage = redis.call('HMGET', 'usage:' .. name, 'audit', 'audit_bytes')
local entries, bytes = tonumber(usage[1] or 0), tonumber(usage[2] or 0)
local trimmed, freed, early = 0, 0, 0
while trimmed < DELETE_BATCH and entries - trimmed > 1
    and (entries - trimmed > most_entries or bytes - freed > most_bytes) do
    local id = redis.call('LPOP', tenant .. ':audit')
    local entry = id and redis.call('XRANGE', 'audit', id, id)[1]
    if entry then
        if tonumber(entry[2][4]) > audit_before then
            early = early + 1
        end
        freed = freed + #entry[2][6] + AUDIT_OVERHEAD
        redis.call('XDEL', 'audit', id)
    end
    trimmed = trimmed + 1
end
count(name, 'audit', -trimmed)
count(name, 'audit_bytes', -freed)

if entries == trimmed and redis.call('EXISTS', tenant .. ':jobs', tenant .. ':keys') == 0 then
    redis.call('UNLINK', 'usage:' .. name)
    redis.call('ZREM', 'tenants', name)
end
local more = #keys == DELETE_BATCH or deleted > 0 or released == DELETE_BATCH or trimmed == DELETE_BATCH
return { 'FORGOTTEN', deleted, more and 1 or 0, early }
