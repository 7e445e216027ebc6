-- Keeps the value ARGV[2] in KEYS[1] for ARGV[3] milliseconds if the ticket ARGV[1] is good for it. Returns whether.
if redis.call('GET', KEYS[1]) ~= 't' .. ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], 'v' .. ARGV[2], 'PX', ARGV[3])
return 1
