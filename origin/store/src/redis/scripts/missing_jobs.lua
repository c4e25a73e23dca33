-- Returns those of a few jobs that do not exist.
local missing = { 'MISSING' }
for _, row in ipairs(take_rows('id')) do
    if redis.call('EXISTS', 'job:' .. row.id) == 0 then
        missing[#missing + 1] = row.id
    end
end
return missing
