-- Returns some jobs in the order of their ids, each with everything stored about it, and the last id
-- that was looked at. All of it is of one moment.
local from, limit = take(), take_number()
local states = take_rows('name')

local ids, seen = {}, {}
for _, state in ipairs(states) do
    local some = redis.call('ZRANGE', 'jobs:state:' .. state.name, from, '+', 'BYLEX', 'LIMIT', 0, limit)
    for _, id in ipairs(some) do
        if not seen[id] then
            seen[id] = true
            ids[#ids + 1] = id
        end
    end
end
table.sort(ids)

local page = { 'PAGE', '' }
for n = 1, math.min(limit, #ids) do
    local id = ids[n]
    page[2] = id
    local job = read_job(id)
    if job then
        page[#page + 1] = {
            job.record, job.tenant, job.topic, job.state, job.version, job.open, job.dispatch,
            job.kept_until, job.bytes,
            redis.call('EXISTS', 'ctx:' .. id), redis.call('EXISTS', 'res:' .. id),
            redis.call('LRANGE', 'log:' .. id, 0, -1), unlisted(job),
        }
    end
end
return page
