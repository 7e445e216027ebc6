-- ARGV[1] has the lease for ARGV[2] milliseconds from now, unless somebody else has it, or, if ARGV[3] is `renew`, nobody. Returns 1 if so.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] or not owner and ARGV[3] == 'renew' then
  return 0
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
