-- Puts ARGV[1] there for ARGV[2] milliseconds, if nothing is there. Returns what was.
local found = redis.call('GET', KEYS[1])
if not found then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return found
