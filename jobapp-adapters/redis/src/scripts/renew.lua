-- The gateway ARGV[1] is alive for another ARGV[2] milliseconds, and the users that follow are at it and nobody else.
local gateway, now = ARGV[1], milliseconds()
redis.call('ZADD', gateways, text(now + tonumber(ARGV[2])), gateway)
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', gateways, '-inf', text(now))) do
  retire(dead)
end

local here, known = {}, {}
for index = 3, #ARGV do
  here[ARGV[index]] = true
end
for _, user in ipairs(redis.call('SMEMBERS', at .. gateway)) do
  if here[user] then
    known[user] = true
  else
    depart(gateway, user)
  end
end
for index = 3, #ARGV do
  if not known[ARGV[index]] then
    arrive(gateway, ARGV[index])
  end
end
return done(redis.status_reply('OK'))
