-- From where on one hears who asks for what came after the entry ARGV[2] (ARGV[1] is `after`), or within the last ARGV[2] milliseconds.
-- Returns that place, the count there, the origin, and the newest entry.

-- Whether one id comes before another.
local function before(one, other)
  local ms, number = string.match(one, '^(%d+)-(%d+)$')
  local other_ms, other_number = string.match(other, '^(%d+)-(%d+)$')
  ms, other_ms = tonumber(ms), tonumber(other_ms)
  return ms < other_ms or ms == other_ms and tonumber(number) < tonumber(other_number)
end

local stream, meta = KEYS[1], KEYS[2]
begin(stream, meta)

local up_to
if ARGV[1] == 'ago' then
  up_to = text(math.max(milliseconds() - tonumber(ARGV[2]), 0))
elseif not before(ARGV[2], life.floor) and not before(life.last, ARGV[2]) then
  up_to = ARGV[2]
end

local place, at = life.floor, life.count - redis.call('XLEN', stream)
if up_to then
  local found = redis.call('XREVRANGE', stream, up_to, '-', 'COUNT', 1)[1]
  if found then
    place, at = found[1], tonumber(found[2][4])
  end
end
return { place, at, life.origin, life.last }
