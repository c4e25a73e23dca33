-- Checks a few keys: that a job is in the index by which jobs are read, and that what belongs to a job
-- or to an idempotency key has it. Returns findings.
local findings = { 'CHECKED' }

local function exists(id)
    return redis.call('EXISTS', 'job:' .. id) == 1
end

local function find(...)
    findings[#findings + 1] = { ... }
end

local function check_idempotency_key(key, rest)
    local colon = string.find(rest, ':', 1, true)
    local tenant, name = string.sub(rest, 1, colon - 1), string.sub(rest, colon + 1)
    local id = redis.call('HGET', key, 'job')
    if id and not exists(id) then
        find('KEY', tenant, id)
    end
    if id and not redis.call('ZSCORE', 'tenant:' .. tenant .. ':keys', name) then
        find('UNLISTED', id, 'tenant:<tenant>:keys')
    end
end

for _, row in ipairs(take_rows('key')) do
    local kind, rest = string.match(row.key, '^(%a+):(.*)$')
    if kind == 'job' then
        local state = redis.call('HGET', row.key, 'state')
        if state and not redis.call('ZSCORE', 'jobs:state:' .. state, rest) then
            find('UNLISTED', rest, 'jobs:state:<STATE>')
        end
    elseif kind == 'log' and redis.call('EXISTS', row.key) == 1 and not exists(rest) then
        find('ORPHAN', rest, 'log')
    elseif kind == 'ctx' and redis.call('EXISTS', row.key) == 1 and not exists(rest)
        and not redis.call('ZSCORE', 'payloads:orphans', rest) then
        find('ORPHAN', rest, 'input')
    elseif kind == 'res' and #rest == 36 and redis.call('EXISTS', row.key) == 1 and not exists(rest) then
        find('ORPHAN', rest, 'result')
    elseif kind == 'key' then
        check_idempotency_key(row.key, rest)
    end
end
return findings
