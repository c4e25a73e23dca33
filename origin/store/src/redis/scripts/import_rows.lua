-- Writes steps, messages, audit entries and positions of another store, with their numbers.
for _, step in ipairs(take_rows('id', 'job', 'tenant', 'version', 'attempt', 'state', 'at')) do
    redis.call('XADD', 'steps', step.id, 'job', step.job, 'tenant', step.tenant,
        'version', step.version, 'attempt', step.attempt, 'state', step.state, 'at', step.at)
end
for _, row in ipairs(take_rows('id', 'message')) do
    redis.call('XADD', 'outbox', row.id, 'message', row.message)
end
for _, entry in ipairs(take_rows('id', 'tenant', 'at', 'entry')) do
    add_audit(entry.id, entry)
end
for _, cursor in ipairs(take_rows('name', 'position')) do
    redis.call('HSET', 'cursors', cursor.name, cursor.position)
end
return { 'WRITTEN' }
