-- Compares what is counted of a tenant with its indexes. Returns what differs: its name, what is
-- counted, and what was found.
local name = take()
local states = take_rows('name', 'is_terminal')
local tenant = 'tenant:' .. name
local reply = { 'CHECKED' }
local usage = redis.call('HMGET', 'usage:' .. name, 'jobs', 'open', 'keys', 'audit')

local function compare(of, kept, found)
    if tonumber(kept or 0) ~= found then
        reply[#reply + 1] = { of, tonumber(kept or 0), found }
    end
end

local open = 0
for _, state in ipairs(states) do
    local jobs = redis.call('ZCARD', tenant .. ':jobs:' .. state.name)
    compare(state.name, redis.call('HGET', 'jobs:counts', name .. ':' .. state.name), jobs)
    if state.is_terminal == '0' then
        open = open + jobs
    end
end
compare('jobs', usage[1], redis.call('ZCARD', tenant .. ':jobs'))
compare('open jobs', usage[2], open)
compare('idempotency keys', usage[3], redis.call('ZCARD', tenant .. ':keys'))
compare('audit entries', usage[4], redis.call('LLEN', tenant .. ':audit'))
return reply
