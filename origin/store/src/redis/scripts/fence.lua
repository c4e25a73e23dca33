-- Refuses a write of a process that no longer has the store, before anything is changed.
local epoch = redis.call('HGET', 'cortex:meta', 'epoch')
if epoch ~= take() then
    return { 'FENCED', epoch or '' }
end

-- Wakes other processes that wait for changes. It comes before the first write, so that a user without
-- the right to publish changes nothing.
local function announce()
    redis.call('PUBLISH', 'cortex:changed', epoch)
end
