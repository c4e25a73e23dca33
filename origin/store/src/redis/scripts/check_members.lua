-- Checks a few members of an index. Returns the next cursor and those that do not belong there.
local key, kind, cursor = take(), take(), take()
local reply = { 'CHECKED' }
local is_set = kind == 'set'
local scanned = redis.call(is_set and 'SSCAN' or 'ZSCAN', key, cursor, 'COUNT', 256)
reply[2] = scanned[1]
local keys_of = string.match(key, '^tenant:([^:]+):keys$')
for n = 1, #scanned[2], is_set and 1 or 2 do
    local member = scanned[2][n]
    if keys_of then
        if redis.call('EXISTS', 'key:' .. keys_of .. ':' .. member) == 0 then
            reply[#reply + 1] = member
        end
    else
        local job = read_job(member)
        if not job or not is_listed_rightly(key, job) then
            reply[#reply + 1] = member
        end
    end
end
return reply
