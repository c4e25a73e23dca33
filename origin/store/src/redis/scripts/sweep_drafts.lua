-- Deletes drafts that no open dispatch can publish, of a few that come after a position. Returns how
-- many, and the last position.
local after, limit = take(), take()
local drafts = redis.call('ZRANGE', 'drafts', after, '+', 'BYLEX', 'LIMIT', 0, limit)
local swept = 0
for _, draft in ipairs(drafts) do
    local id, dispatch = string.sub(draft, 1, 36), string.sub(draft, 38)
    -- The input of an open call is there before its job.
    local is_call = redis.call('ZSCORE', 'payloads:orphans', id)
    if not is_call and redis.call('HGET', 'job:' .. id, 'dispatch') ~= dispatch then
        swept = swept + redis.call('UNLINK', 'res:' .. draft)
        redis.call('ZREM', 'drafts', draft)
    end
end
return { 'SWEPT', swept, drafts[#drafts] or '' }
