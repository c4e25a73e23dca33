-- Records an ephemeral job that has ended. Its audit entries are kept in any case.
local job = take_new_job()
local limits = take_limits()
local entries = take_audit()

append_audit(entries)
if redis.call('EXISTS', 'job:' .. job.id) == 1 then
    return { 'EXISTS' }
end
local refused = refusal(job, 0, limits, job.updated_at)
if refused then
    return refused
end
insert(job)
return { 'RECORDED' }
