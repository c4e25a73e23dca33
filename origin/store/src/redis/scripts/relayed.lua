-- Deletes messages that the bus has accepted.
for _, row in ipairs(take_rows('id')) do
    redis.call('XDEL', 'outbox', row.id)
end
return { 'DELETED' }
