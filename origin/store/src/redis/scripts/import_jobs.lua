-- Writes jobs of another store with everything that belongs to each.
for _ = 1, take_number() do
    local job = take_new_job()
    local payloads = take_rows('key', 'body')
    local keys = take_rows('key', 'fingerprint', 'at')
    insert(job)
    for _, payload in ipairs(payloads) do
        redis.call('SET', payload.key, payload.body)
    end
    for _, row in ipairs(keys) do
        redis.call('HSET', 'key:' .. job.tenant .. ':' .. row.key, 'job', job.id,
            'fingerprint', row.fingerprint, 'at', row.at)
        redis.call('ZADD', 'tenant:' .. job.tenant .. ':keys', row.at, row.key)
        count(job.tenant, 'keys', 1)
    end
end
return { 'WRITTEN' }
