-- Checks that the database is this installation's store, and raises the epoch, which fences every
-- process that opened the store before. An empty database becomes a new store.
local installation, schema = take(), take()
local meta = redis.call('HMGET', 'cortex:meta', 'installation', 'schema')
if not meta[1] then
    if redis.call('DBSIZE') > 0 then
        return { 'FOREIGN' }
    end
    redis.call('HSET', 'cortex:meta', 'installation', installation, 'schema', schema)
elseif meta[1] ~= installation then
    return { 'INSTALLATION', meta[1] }
elseif meta[2] ~= schema then
    return { 'SCHEMA', meta[2] }
end
return { 'OPENED', redis.call('HINCRBY', 'cortex:meta', 'epoch', 1) }
