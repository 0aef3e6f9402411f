-- What every script begins with. ARGV[1] is the present (empty: the server's clock), ARGV[2] the
-- channel of wake-ups. Every key that is touched is in KEYS.
local JOB, BODY, RUN, ERROR = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local SCHEDULE, LEASES, HELD = KEYS[5], KEYS[6], KEYS[7]
local DONE, DEAD, IDS, COUNTS, META = KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local call = redis.call
local SCHEDULED_STATE, RUNNING_STATE, COMPLETED_STATE, CANCELLED_STATE = 0, 1, 2, 3
local DEAD_STATE, HELD_STATE = 4, 5
local CHUNK = 500
local TOP = string.rep('\255', 26)

-- Numbers. A Lua number is a double, exact to 2^53, and Lua compares strings by the server's
-- locale. So a 64-bit number is 8 big-endian bytes, 2^63 added, and is compared and added as two
-- halves of 32 bits; the sorted sets compare such bytes as they are.
local BIAS, WORD = 2147483648, 4294967296
local TIME_MIN = struct.pack('>I4I4', 2133016577, 13910016)
local TIME_MAX = struct.pack('>I4I4', 2206483468, 3430113279)
local NONE = string.rep('\0', 8)
local ONE = struct.pack('>I4I4', BIAS, 1)

local function less(a, b)
  local a_high, a_low = struct.unpack('>I4I4', a)
  local b_high, b_low = struct.unpack('>I4I4', b)
  return a_high < b_high or (a_high == b_high and a_low < b_low)
end

local function plus(a, b)
  local a_high, a_low = struct.unpack('>I4I4', a)
  local b_high, b_low = struct.unpack('>I4I4', b)
  local high, low = a_high + b_high - BIAS, a_low + b_low
  if low >= WORD then
    high, low = high + 1, low - WORD
  end
  return struct.pack('>I4I4', high, low)
end

local function later(moment, delay)
  local high = struct.unpack('>I4', moment) + struct.unpack('>I4', delay) - BIAS
  if high < 0 then
    return TIME_MIN  -- more than 64 bits
  elseif high > WORD - 2 then
    return TIME_MAX
  end
  local sum = plus(moment, delay)
  if less(sum, TIME_MIN) then
    return TIME_MIN
  elseif less(TIME_MAX, sum) then
    return TIME_MAX
  end
  return sum
end

-- The present is read once, and never goes back: the latest one is kept with the queue.
local NOW

local function begin()
  NOW = ARGV[1]
  if NOW == '' then
    local time = call('TIME')
    local microseconds = tonumber(time[1]) * 1000000 + tonumber(time[2])
    local high = math.floor(microseconds / WORD)
    NOW = struct.pack('>I4I4', high + BIAS, microseconds - high * WORD)
  end
  local latest = call('HGET', META, 'now')
  if latest and not less(latest, NOW) then
    NOW = latest
  else
    call('HSET', META, 'now', NOW)
  end
end

-- Says once that there may be work. Before the change that brings it, which nobody sees before the
-- script ends: so a user who may not publish is refused before anything is changed.
local woken = false
local function wake()
  if not woken then
    call('SPUBLISH', ARGV[2], '1')
    woken = true
  end
end

-- Whether the queue has to be named among the others: a claim alone doesn't.
local function is_new()
  return call('HSETNX', META, 'named', '1')
end

-- Records. A job's head is there from the first; what only attempts and ends bring is its run.
local HEAD = '>BBc8c8c8I4I4I4I4I4I2c0'

local function read_head(packed)
  local job = {}
  local behind
  job.state, job.level, job.due, job.enqueued, job.token, job.claims, job.retries, job.snoozes,
    job.size, job.most, job.codec, behind = struct.unpack(HEAD, packed)
  job.type = string.sub(packed, behind)
  return job
end

local function pack_head(job)
  return struct.pack(HEAD, job.state, job.level, job.due, job.enqueued, job.token, job.claims,
    job.retries, job.snoozes, job.size, job.most, #job.codec, job.codec) .. job.type
end

local function find(id)
  local packed = call('HGET', JOB, id)
  return packed and read_head(packed)
end

local RUN_FORMAT = '>c8c8I4c8Bc8Bc0Bc0Bc0I2c0'

-- reason is empty for none, else a plus sign and the words. settled and kind are the last
-- settlement; before has those before it, the newest first, nine bytes each.
local function read_run(packed)
  local run = {}
  if not packed then
    run.started, run.ends, run.most, run.settled, run.kind = NONE, NONE, 0, NONE, 0
    run.finished, run.request, run.requeued, run.before = NONE, '', '', ''
    run.worker, run.reason = '', ''
    return run
  end
  local behind
  run.started, run.ends, run.most, run.settled, run.kind, run.finished, run.request, run.requeued,
    run.before, run.worker, behind = struct.unpack(RUN_FORMAT, packed)
  run.reason = string.sub(packed, behind)
  return run
end

local function pack_run(run)
  return struct.pack(RUN_FORMAT, run.started, run.ends, run.most, run.settled, run.kind,
    run.finished, #run.request, run.request, #run.requeued, run.requeued, #run.before,
    run.before, #run.worker, run.worker) .. run.reason
end

local function save(id, job, run)
  call('HSET', JOB, id, pack_head(job))
  call('HSET', RUN, id, pack_run(run))
end

-- Where a scheduled job stands: by type, level (127 - priority), time and id.
local function place(id, job)
  return struct.pack('>I2c0Bc8c16', #job.type, job.type, job.level, job.due, id)
end

local function claim_of(id, job, run)
  return struct.pack('>c16Bc8c16', run.request, job.level, job.due, id)
end

local function count(state, name, by)
  local key = state .. name
  if call('HINCRBY', COUNTS, key, by) <= 0 then
    call('HDEL', COUNTS, key)
  end
end

local function become(job, state)
  count(job.state, job.type, -1)
  count(state, job.type, 1)
  job.state = state
end

local function end_lease(id, job, run)
  call('ZREM', LEASES, run.ends .. id)
  call('ZREM', HELD, claim_of(id, job, run))
  run.ends, run.request = NONE, ''
end

local function schedule(id, job)
  become(job, SCHEDULED_STATE)
  call('ZADD', SCHEDULE, 0, place(id, job))
end

local function finish(id, job, run, state, reason)
  become(job, state)
  run.finished, run.reason = NOW, reason
  if state == DEAD_STATE then
    call('ZADD', DEAD, 0, id)
  else
    call('ZADD', DONE, 0, NOW .. id)
  end
end

-- Reads many fields of a hash, in chunks that Lua's stack holds.
local function fetch(key, ids)
  local found = {}
  for start = 1, #ids, CHUNK do
    local values = call('HMGET', key, unpack(ids, start, math.min(start + CHUNK - 1, #ids)))
    for i = 1, #values do
      found[start + i - 1] = values[i]
    end
  end
  return found
end

local function in_chunks(command, key, members)
  for start = 1, #members, CHUNK do
    call(command, key, unpack(members, start, math.min(start + CHUNK - 1, #members)))
  end
end

-- Takes leases back that expired, the longest expired first (clause LEA-2).
-- Returns id, type and state of each in one flat list.
local function take_back(limit)
  local reaped = {}
  local expired = call('ZRANGEBYLEX', LEASES, '-', '[' .. NOW .. TOP, 'LIMIT', 0, limit)
  for _, member in ipairs(expired) do
    local id = string.sub(member, 9)
    local job, run = find(id), read_run(call('HGET', RUN, id))
    if job.retries < run.most then
      wake()
    end
    end_lease(id, job, run)
    job.token = plus(job.token, ONE)
    if job.retries < run.most then
      job.retries = job.retries + 1
      schedule(id, job)
    else
      finish(id, job, run, DEAD_STATE, '+lease')
    end
    save(id, job, run)
    reaped[#reaped + 1] = id
    reaped[#reaped + 1] = job.type
    reaped[#reaped + 1] = job.state
  end
  return reaped
end
