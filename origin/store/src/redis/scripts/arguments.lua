-- Reads the arguments one after the other.
local position = 0

local function take()
    position = position + 1
    return ARGV[position]
end

local function take_number()
    return tonumber(take())
end

-- Reads a count, then that many rows with these fields.
local function take_rows(...)
    local rows = {}
    for n = 1, take_number() do
        local row = {}
        for _, field in ipairs({ ... }) do
            row[field] = take()
        end
        rows[n] = row
    end
    return rows
end
