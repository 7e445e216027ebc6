-- A stream whose entries are counted, so that who reads it notices when some are missing. The hash beside it says where the count began
-- (`origin`), how many entries came since (`count`), the newest of them (`last`), and the newest that is not kept any more (`floor`).
-- Should Redis lose either, both begin anew, with another origin.

local function milliseconds()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function text(number)
  return string.format('%.0f', number)
end

-- What the hash says, as this script changes it.
local life

local function begin(stream, meta)
  if life then
    return
  end
  if redis.call('EXISTS', stream, meta) == 2 then
    local known = redis.call('HMGET', meta, 'origin', 'count', 'last', 'floor')
    life = { origin = known[1], count = tonumber(known[2]), last = known[3], floor = known[4] }
    return
  end
  redis.call('DEL', stream, meta)
  local origin = redis.call('XADD', stream, '*', 'begin', '')
  redis.call('XDEL', stream, origin)
  redis.call('HSET', meta, 'origin', origin, 'count', 0, 'last', origin, 'floor', origin)
  life = { origin = origin, count = 0, last = origin, floor = origin }
end

-- Returns the count of what is appended. What is counted is written down by `finish`.
local function append(stream, meta, kind, ...)
  begin(stream, meta)
  life.count = life.count + 1
  life.last = redis.call('XADD', stream, '*', 'origin', life.origin, 'count', life.count, 'kind', kind, ...)
  return life.count
end

-- Writes down what was counted, and forgets what is older than `age` milliseconds, or more than `most` entries: a part of it, and the next
-- call does the rest.
local function finish(stream, meta, age, most)
  if not life then
    return
  end
  local function forget(entries)
    if #entries == 0 then
      return
    end
    local ids = {}
    for index, entry in ipairs(entries) do
      ids[index] = entry[1]
    end
    redis.call('XDEL', stream, unpack(ids))
    life.floor = ids[#ids]
  end
  forget(redis.call('XRANGE', stream, '-', text(math.max(milliseconds() - age, 0)), 'COUNT', 64))
  local over = redis.call('XLEN', stream) - most
  if over > 0 then
    forget(redis.call('XRANGE', stream, '-', '+', 'COUNT', math.min(over, 64)))
  end
  redis.call('HSET', meta, 'count', life.count, 'last', life.last, 'floor', life.floor)
end
