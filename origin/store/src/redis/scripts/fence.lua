-- Refuses a write of a process that no longer has the store, or of a scheduler that no longer has
-- the tenant's share, before anything is changed.
local epoch = redis.call('HGET', 'cortex:meta', 'epoch')
if epoch ~= take() then
    return { 'FENCED', epoch or '' }
end
local process = take()
local share, term = take(), take()
if share ~= '' then
    local held = redis.call('HGET', 'cortex:shares', share)
    if not held or string.match(held, '^(%d+):.') ~= term then
        return { 'TERM_OVER' }
    end
end

-- Wakes other processes that wait for changes. It comes before the first write, so that a user without
-- the right to publish changes nothing.
local function announce()
    redis.call('PUBLISH', 'cortex:changed', process)
end
