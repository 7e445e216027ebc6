-- Who is online, the newest first, and the place from which on changes are told: its count, the origin.
begin(stream, meta)
return { redis.call('ZREVRANGE', online, 0, -1), life.last, life.count, life.origin }
