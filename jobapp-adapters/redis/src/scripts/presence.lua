-- Who is online. A gateway's users are a set of its own; `counts` says at how many gateways a user is.
local online, counts, gateways, stream, meta, at = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]

-- The newest have the highest number.
local function arrive(gateway, user)
  if redis.call('SADD', at .. gateway, user) == 0 or redis.call('HINCRBY', counts, user, 1) > 1 then
    return 0
  end
  redis.call('ZADD', online, append(stream, meta, 'came', 'user', user), user)
  return 1
end

local function depart(gateway, user)
  if redis.call('SREM', at .. gateway, user) == 0 or redis.call('HINCRBY', counts, user, -1) > 0 then
    return 0
  end
  redis.call('HDEL', counts, user)
  redis.call('ZREM', online, user)
  append(stream, meta, 'went', 'user', user)
  return 1
end

local function retire(gateway)
  for _, user in ipairs(redis.call('SMEMBERS', at .. gateway)) do
    depart(gateway, user)
  end
  redis.call('ZREM', gateways, gateway)
end

-- The end of each script that changes something. Changes are kept for a minute for who is behind in hearing them, and no more than so many.
local function done(result)
  finish(stream, meta, 60000, 10000)
  return result
end
