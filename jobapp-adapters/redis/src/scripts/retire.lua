-- The gateway ARGV[1] is going.
retire(ARGV[1])
return done(redis.status_reply('OK'))
