-- Makes a job durable whose input is already in the store. If its tenant has reached a limit, the
-- input is deleted.
local job = take_new_job()
local limits = take_limits()
local steps = take_rows('version', 'attempt', 'state', 'at')
local entries = take_audit()

if redis.call('EXISTS', 'job:' .. job.id) == 1 then
    return { 'CONFLICT' }
end
announce()
job.bytes = job.bytes + redis.call('STRLEN', 'ctx:' .. job.id)
append_audit(entries)
redis.call('ZREM', 'payloads:orphans', job.id)
local refused = refusal(job, 0, limits, job.updated_at)
if refused then
    redis.call('UNLINK', 'ctx:' .. job.id)
    delete_drafts(job.id)
    return refused
end
insert(job)
append_steps(job, steps)
return { 'COMMITTED' }
