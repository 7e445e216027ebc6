-- The user ARGV[2] is at the gateway ARGV[1]. One that was not heard of has ARGV[3] milliseconds to say that it is alive.
redis.call('ZADD', gateways, 'NX', text(milliseconds() + tonumber(ARGV[3])), ARGV[1])
return done(arrive(ARGV[1], ARGV[2]))
