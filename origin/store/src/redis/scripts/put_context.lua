-- Stores an input before its job.
local id, minted_at, body = take(), take(), take()
redis.call('SET', 'ctx:' .. id, body)
if redis.call('EXISTS', 'job:' .. id) == 0 then
    redis.call('ZADD', 'payloads:orphans', minted_at, id)
end
return { 'STORED' }
