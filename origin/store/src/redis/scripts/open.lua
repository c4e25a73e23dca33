-- Checks that the database is this installation's store. A process that shares the store joins those
-- that share it already. Otherwise the epoch is raised, which fences every process that opened the
-- store before. An empty database becomes a new store.
local installation, schema, shared = take(), take(), take()
local meta = redis.call('HMGET', 'cortex:meta', 'installation', 'schema', 'shared', 'epoch')
if not meta[1] then
    if redis.call('DBSIZE') > 0 then
        return { 'FOREIGN' }
    end
    redis.call('HSET', 'cortex:meta', 'installation', installation, 'schema', schema)
elseif meta[1] ~= installation then
    return { 'INSTALLATION', meta[1] }
elseif meta[2] ~= schema then
    return { 'SCHEMA', meta[2] }
elseif shared == '1' and meta[3] == '1' then
    return { 'OPENED', meta[4] }
end
-- No scheduler of another process can have a share from now on.
redis.call('DEL', 'cortex:schedulers')
for _, share in ipairs(redis.call('HKEYS', 'cortex:shares')) do
    local epoch = string.match(redis.call('HGET', 'cortex:shares', share), '^(%d+):')
    redis.call('HSET', 'cortex:shares', share, epoch .. ':')
end
redis.call('HSET', 'cortex:meta', 'shared', shared)
return { 'OPENED', redis.call('HINCRBY', 'cortex:meta', 'epoch', 1) }
