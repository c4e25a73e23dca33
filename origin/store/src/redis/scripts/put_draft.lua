-- Stores the unpublished answer of a dispatch.
local draft, body = take(), take()
redis.call('SET', 'res:' .. draft, body)
redis.call('ZADD', 'drafts', 0, draft)
return { 'STORED' }
