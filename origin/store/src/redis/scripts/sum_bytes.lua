-- Adds the bytes of a few of a tenant's jobs after an id. Returns what is counted of the tenant, the
-- sum, and the last id.
local name, from, limit = take(), take(), take()
local ids = redis.call('ZRANGE', 'tenant:' .. name .. ':jobs', from, '+', 'BYLEX', 'LIMIT', 0, limit)
local sum = 0
for _, id in ipairs(ids) do
    sum = sum + tonumber(redis.call('HGET', 'job:' .. id, 'bytes') or 0)
end
return {
    'SUM', redis.call('HGET', 'usage:' .. name, 'bytes') or '0', string.format('%.0f', sum), ids[#ids] or '',
}
