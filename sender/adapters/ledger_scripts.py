"""The ledger's atomic changes, as Lua for Redis 6.2 (one script, one change: no reader sees half of it).

An entry is a hash: state, phase, owner (`instance:incarnation:claim`), lease, attempt (tries that ended),
repeated, request, origin (`partition:offset`), wire, due, outcome, reported. Three sorted sets index what
must be brought up again after a crash: claimed (by the lease's end, machine time), deferred (by the due
instant, the clock's time), unreported.

Leases run on Redis's own clock (TIME): the senders' clocks may differ, and the demo's moves in leaps.
"""

MACHINE_TIME = """
local t = redis.call('TIME')
local machine = t[1] * 1000 + math.floor(t[2] / 1000)
"""

# KEYS entry suppression claimed deferred   ARGV send_id owner lease_ms now request wire origin
CLAIM = (
    MACHINE_TIME
    + """
local f = redis.call('HMGET', KEYS[1], 'state', 'phase', 'owner', 'lease', 'due', 'outcome', 'reported',
                     'attempt', 'repeated')
local state, phase, owner = f[1], f[2], f[3]
local interrupted = false
if state == 'in_flight' then
  if owner ~= ARGV[2] then
    local instance, incarnation = string.match(owner, '^([^:]*):(%d+):')
    local my_instance, my_incarnation = string.match(ARGV[2], '^([^:]*):(%d+):')
    local inherited = instance == my_instance and tonumber(incarnation) < tonumber(my_incarnation)
    if not inherited and tonumber(f[4]) > machine then return {'busy'} end
  end
  interrupted = phase == 'dot'
elseif state == 'deferred' then
  if tonumber(f[5]) > tonumber(ARGV[4]) then return {'deferred', f[5]} end
elseif state then
  return {'final', f[6], f[7] or ''}
end
local lease = machine + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'state', 'in_flight', 'owner', ARGV[2], 'lease', lease, 'request', ARGV[5],
           'origin', ARGV[7])
redis.call('ZADD', KEYS[3], lease, ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
if interrupted then return {'interrupted', f[8] or '0', f[9] or ''} end
redis.call('HSET', KEYS[1], 'phase', 'claimed')
if ARGV[6] ~= '' then redis.call('HSETNX', KEYS[1], 'wire', ARGV[6]) end
local s = redis.call('HMGET', KEYS[2], 'all', 'marketing')
return {'claimed', f[8] or '0', f[9] or '', redis.call('HGET', KEYS[1], 'wire') or '', s[1] or '', s[2] or ''}
"""
)

# KEYS entry claimed   ARGV send_id owner lease_ms
ADVANCE = (
    MACHINE_TIME
    + """
local f = redis.call('HMGET', KEYS[1], 'state', 'owner')
if f[1] ~= 'in_flight' or f[2] ~= ARGV[2] then return f[1] or 'gone' end
local lease = machine + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'phase', 'dot', 'lease', lease)
redis.call('ZADD', KEYS[2], lease, ARGV[1])
return 'ok'
"""
)

# KEYS entry suppression claimed unreported ambiguous
# ARGV send_id owner state outcome suppress_scope suppress_reason
FINISH = (
    MACHINE_TIME
    + """
local f = redis.call('HMGET', KEYS[1], 'state', 'owner')
if f[2] ~= ARGV[2] then return f[1] or 'gone' end
if f[1] == ARGV[3] then return 'ok' end
if f[1] ~= 'in_flight' then return f[1] end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'outcome', ARGV[4])
redis.call('HDEL', KEYS[1], 'phase', 'lease', 'wire')
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[4], machine, ARGV[1])
if ARGV[3] == 'ambiguous' then redis.call('ZADD', KEYS[5], machine, ARGV[1]) end
if ARGV[5] ~= '' then redis.call('HSETNX', KEYS[2], ARGV[5], ARGV[6]) end
return 'ok'
"""
)

# KEYS entry claimed deferred   ARGV send_id owner due tried repeated
DEFER = """
local f = redis.call('HMGET', KEYS[1], 'state', 'owner')
if f[2] ~= ARGV[2] then return f[1] or 'gone' end
if f[1] == 'deferred' then return 'ok' end
if f[1] ~= 'in_flight' then return f[1] end
redis.call('HSET', KEYS[1], 'state', 'deferred', 'due', ARGV[3])
redis.call('HDEL', KEYS[1], 'phase', 'lease')
if ARGV[4] == '1' then redis.call('HINCRBY', KEYS[1], 'attempt', 1) end
if ARGV[5] == '1' then redis.call('HSET', KEYS[1], 'repeated', '1') end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
return 'ok'
"""

# KEYS entry claimed deferred unreported ambiguous   ARGV send_id outcome outcome_if_repeated
CANCEL = (
    MACHINE_TIME
    + """
local f = redis.call('HMGET', KEYS[1], 'state', 'phase', 'outcome', 'reported', 'repeated')
if f[1] == 'in_flight' and f[2] == 'dot' then return {'too_late'} end
if f[1] and f[1] ~= 'in_flight' and f[1] ~= 'deferred' then return {'final', f[3], f[4] or ''} end
local state, outcome = 'cancelled', ARGV[2]
if f[5] == '1' then
  state, outcome = 'ambiguous', ARGV[3]
  redis.call('ZADD', KEYS[5], machine, ARGV[1])
end
redis.call('HSET', KEYS[1], 'state', state, 'outcome', outcome, 'owner', '')
redis.call('HDEL', KEYS[1], 'phase', 'lease', 'wire', 'due')
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[4], machine, ARGV[1])
return {'final', outcome, ''}
"""
)

# KEYS entry unreported   ARGV send_id retention_s
REPORTED = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'reported', '1')
redis.call('HDEL', KEYS[1], 'request', 'origin', 'due')
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
