-- Publishes the event ARGV[2] with the id ARGV[1]; what is older than ARGV[3] milliseconds, or more than ARGV[4] events, is forgotten.
append(KEYS[1], KEYS[2], ARGV[1], 'body', ARGV[2])
finish(KEYS[1], KEYS[2], tonumber(ARGV[3]), tonumber(ARGV[4]))
return redis.status_reply('OK')
