-- Deletes the payloads of a call that has ended, unless the call became a durable job.
local id = take()
if redis.call('ZREM', 'payloads:orphans', id) == 1 then
    redis.call('UNLINK', 'ctx:' .. id)
    delete_drafts(id)
end
return { 'DISCARDED' }
