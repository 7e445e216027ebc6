-- Tells what is kept in KEYS[1]: 1 and the value, or 2 if somebody finds it out, or 0 after the ticket ARGV[1] was given for ARGV[2]
-- milliseconds.
--
-- What is stored is a value behind a 'v', or the ticket of who finds it out behind a 't'.
local held = redis.call('GET', KEYS[1])
if not held then
  redis.call('SET', KEYS[1], 't' .. ARGV[1], 'PX', ARGV[2])
  return { 0, '' }
end
if string.sub(held, 1, 1) == 'v' then
  return { 1, string.sub(held, 2) }
end
return { 2, '' }
