-- Counts what a tenant has.
local function count(tenant, field, by)
    if by ~= 0 then
        redis.call('HINCRBY', 'usage:' .. tenant, field, by)
    end
end

-- Returns the next number of a sequence as the id of a stream's entry. Numbers are given in the
-- order of commits, because the server runs one script at a time.
local function next_id(sequence)
    return string.format('%.0f-0', redis.call('HINCRBY', 'cortex:sequences', sequence, 1))
end

-- What an entry of the audit log counts in addition to its bytes.
local AUDIT_OVERHEAD = 64

local function add_audit(id, entry)
    redis.call('XADD', 'audit', id, 'tenant', entry.tenant, 'at', entry.at, 'entry', entry.entry)
    redis.call('RPUSH', 'tenant:' .. entry.tenant .. ':audit', id)
    redis.call('ZADD', 'tenants', 0, entry.tenant)
    count(entry.tenant, 'audit', 1)
    count(entry.tenant, 'audit_bytes', #entry.entry + AUDIT_OVERHEAD)
end

local function append_audit(entries)
    for _, entry in ipairs(entries) do
        add_audit(next_id('audit'), entry)
    end
end

local function take_audit()
    return take_rows('tenant', 'at', 'entry')
end
