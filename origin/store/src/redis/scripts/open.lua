-- Checks that the database is this installation's store. A process that claims it and shares it joins
-- those that share it already. Otherwise the epoch is raised, which fences every process that opened
-- the store before. A claim makes an empty database a new store. A process that fills it makes a new
-- store that is incomplete.
local entry, installation, schema, shared = take(), take(), take(), take()
local meta = redis.call('HMGET', 'cortex:meta', 'installation', 'schema', 'incomplete', 'epoch', 'shared')
if not meta[1] then
    if redis.call('DBSIZE') > 0 then
        return { entry == 'fill' and 'OCCUPIED' or 'FOREIGN' }
    elseif entry == 'look' then
        return { 'MISSING' }
    end
    redis.call('HSET', 'cortex:meta', 'installation', installation, 'schema', schema)
    if entry == 'fill' then
        redis.call('HSET', 'cortex:meta', 'incomplete', 1)
    end
elseif meta[1] ~= installation then
    return { 'INSTALLATION', meta[1] }
elseif meta[2] ~= schema then
    return { 'SCHEMA', meta[2] }
elseif meta[3] then
    return { 'INCOMPLETE' }
elseif entry == 'fill' then
    return { 'OCCUPIED' }
elseif entry == 'look' then
    return { 'OPENED', meta[4] or '0' }
elseif shared == '1' and meta[5] == '1' then
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
