-- Takes a scheduler's turn at the record of shares. `Standing::apply` has the rule.
local scheduler, leaves = take(), take() == '1'
local takes, gives = take_rows('share', 'epoch'), take_rows('share')
local gone = take_rows('scheduler', 'beats')

if leaves then
    redis.call('HDEL', 'cortex:schedulers', scheduler)
else
    redis.call('HINCRBY', 'cortex:schedulers', scheduler, 1)
end
for _, ended in ipairs(gone) do
    if redis.call('HGET', 'cortex:schedulers', ended.scheduler) == ended.beats then
        redis.call('HDEL', 'cortex:schedulers', ended.scheduler)
    end
end

local function held(share)
    local held = redis.call('HGET', 'cortex:shares', share) or '0:'
    return string.match(held, '^(%d+):(.*)$')
end

local function give(share)
    local epoch, owner = held(share)
    if owner == scheduler then
        redis.call('HSET', 'cortex:shares', share, epoch .. ':')
    end
end

if leaves then
    for _, share in ipairs(redis.call('HKEYS', 'cortex:shares')) do
        give(share)
    end
else
    for _, given in ipairs(gives) do
        give(given.share)
    end
    for _, seen in ipairs(takes) do
        local epoch = held(seen.share)
        if epoch == seen.epoch then
            redis.call('HSET', 'cortex:shares', seen.share, string.format('%.0f:%s', epoch + 1, scheduler))
        end
    end
end
return { 'TURN', redis.call('HGETALL', 'cortex:schedulers'), redis.call('HGETALL', 'cortex:shares') }
