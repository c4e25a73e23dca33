-- Ends a copy: sets the newest numbers, and makes the store one that can be served.
local step, message, entry = take(), take(), take()
redis.call('HSET', 'cortex:sequences', 'step', step, 'message', message, 'audit', entry)
redis.call('HDEL', 'cortex:meta', 'incomplete')
return { 'FINISHED' }
