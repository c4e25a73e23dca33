-- Returns the tenants with expired data or too much of it, of a few that come after a position, and
-- the last position.
local after, limit = take(), take()
local now, keys_before, ended_before = take_number(), take_number(), take_number()
local most_ended, most_entries, most_bytes = take_number(), take_number(), take_number()

local function is_before(key, limit_at)
    local at = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
    return at ~= nil and tonumber(at) <= limit_at
end

local tenants = redis.call('ZRANGE', 'tenants', after, '+', 'BYLEX', 'LIMIT', 0, limit)
local due = { 'DUE', tenants[#tenants] or '' }
for _, name in ipairs(tenants) do
    local tenant = 'tenant:' .. name
    local ended, kept = redis.call('ZCARD', tenant .. ':ended'), redis.call('ZCARD', tenant .. ':kept')
    local audit = redis.call('HMGET', 'usage:' .. name, 'audit', 'audit_bytes')
    local entries, bytes = tonumber(audit[1] or 0), tonumber(audit[2] or 0)
    local is_empty = entries == 0 and redis.call('EXISTS', tenant .. ':jobs', tenant .. ':keys') == 0
    if is_empty
        or is_before(tenant .. ':keys', keys_before)
        or is_before(tenant .. ':ended', ended_before)
        or is_before(tenant .. ':kept', now)
        or (ended > 0 and ended + kept > most_ended)
        or (entries > 1 and (entries > most_entries or bytes > most_bytes)) then
        due[#due + 1] = name
    end
end
return due
