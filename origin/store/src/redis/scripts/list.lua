-- Returns the records of a few jobs of an index, in the order of their ids.
local index, from, order, limit = take(), take(), take(), take()
local ids
if order == 'newest' then
    ids = redis.call('ZRANGE', index, from, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit)
else
    ids = redis.call('ZRANGE', index, from, '+', 'BYLEX', 'LIMIT', 0, limit)
end
local records = { 'FOUND' }
for n, id in ipairs(ids) do
    records[n + 1] = redis.call('HGET', 'job:' .. id, 'record') or ''
end
return records
