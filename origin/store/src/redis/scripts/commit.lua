-- Commits a change of a job that is in the store. All checks come before the first write, because a
-- script is not rolled back.
local job = take_job()
local expected = take()
local steps, messages = take_rows('version', 'attempt', 'state', 'at'), take_rows('message')
local publications = take_rows('draft', 'result')
local entries = take_audit()

local found = redis.call('HMGET', 'job:' .. job.id, 'version', 'tenant', 'topic', 'state', 'open', 'kept_until')
if found[1] ~= expected then
    return { 'CONFLICT' }
end
local bytes = 0
for _, publication in ipairs(publications) do
    if redis.call('TYPE', publication.draft).ok ~= 'string' then
        return { 'NO_DRAFT' }
    end
    bytes = bytes + redis.call('STRLEN', publication.draft)
end

announce()
redis.call('HSET', 'job:' .. job.id, 'state', job.state, 'version', job.version, 'open', job.open,
    'dispatch', job.dispatch, 'updated_at', job.updated_at, 'record', job.record)
if found[4] ~= job.state then
    leave_state({ id = job.id, tenant = found[2], topic = found[3], state = found[4] })
    enter_state(job)
end
if found[5] == '1' and job.open ~= '1' then
    redis.call('ZREM', 'jobs:open', job.id)
    count(job.tenant, 'open', -1)
    job.kept_until = found[6]
    enter_ended(job)
end
if job.log ~= '' then
    append_log(job)
end
append_steps(job, steps)
append_outbox(messages)
for _, publication in ipairs(publications) do
    redis.call('RENAME', publication.draft, publication.result)
    redis.call('ZREM', 'drafts', string.sub(publication.draft, 5))
end
if bytes > 0 then
    redis.call('HINCRBY', 'job:' .. job.id, 'bytes', bytes)
    count(job.tenant, 'bytes', bytes)
end
expect_draft(job)
append_audit(entries)
return { 'COMMITTED' }
