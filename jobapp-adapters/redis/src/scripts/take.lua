-- Takes one try of KEYS[1], of which ARGV[1] are allowed at once and one more every ARGV[2] microseconds. Returns how many are left, and
-- how many microseconds to wait if it was not allowed.
--
-- What is stored is when the whole allowance will be there again: each try puts that off.
local burst, every = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local whole = tonumber(redis.call('GET', KEYS[1]) or 0)
-- A clock that was set back makes nobody wait for longer than a whole allowance takes.
whole = math.min(math.max(whole, now), now + burst * every)

local wait = whole + every - burst * every - now
if wait > 0 then
  return { 0, wait }
end
whole = whole + every
redis.call('SET', KEYS[1], string.format('%.0f', whole), 'PX', string.format('%.0f', math.ceil((whole - now) / 1000)))
return { math.floor((now + burst * every - whole) / every), 0 }
