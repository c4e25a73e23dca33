-- Moves a reader's position.
local name, position = take(), take()
redis.call('HSET', 'cursors', name, position)
return { 'MOVED' }
