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

-- Changes wait until the end, where those of a kind are made together: a call costs more than what
-- it does. Until then the server's answers don't know of them; jobs and runs are remembered as
-- they were changed. Nobody adds what was removed before in the same script, or the reverse.
local waiting, counted = {}, {}

local function change(command, key, first, second)
  local keys = waiting[command]
  if not keys then
    keys = {}
    waiting[command] = keys
  end
  local arguments = keys[key]
  if not arguments then
    arguments = {}
    keys[key] = arguments
  end
  arguments[#arguments + 1] = first
  arguments[#arguments + 1] = second
end

local function flush()
  for command, keys in pairs(waiting) do
    for key, arguments in pairs(keys) do
      in_chunks(command, key, arguments)
    end
  end
  for key, by in pairs(counted) do
    if by ~= 0 and call('HINCRBY', COUNTS, key, by) <= 0 then
      call('HDEL', COUNTS, key)
    end
  end
  waiting, counted = {}, {}
end

local function count(state, name, by)
  local key = state .. name
  counted[key] = (counted[key] or 0) + by
end

-- Whether the queue has to be named among the others: a claim alone doesn't.
local function is_new()
  return call('HSETNX', META, 'named', '1')
end

-- Records. A job's head is there from the first; what only attempts and ends bring is its run.
local HEAD = '>BBc8c8c8I4I4I4I4I4I2c0'

local function read_head(packed)
  local state, level, due, enqueued, token, claims, retries, snoozes, size, most, codec, behind =
    struct.unpack(HEAD, packed)
  return {
    state = state, level = level, due = due, enqueued = enqueued, token = token, claims = claims,
    retries = retries, snoozes = snoozes, size = size, most = most, codec = codec,
    type = string.sub(packed, behind),
  }
end

local function pack_head(job)
  return struct.pack(HEAD, job.state, job.level, job.due, job.enqueued, job.token, job.claims,
    job.retries, job.snoozes, job.size, job.most, #job.codec, job.codec) .. job.type
end

local RUN_FORMAT = '>c8c8I4c8Bc8Bc0Bc0Bc0I2c0'

-- reason is empty for none, else a plus sign and the words. settled and kind are the last
-- settlement; before has those before it, the newest first, nine bytes each.
local function read_run(packed)
  if not packed then
    return {
      started = NONE, ends = NONE, most = 0, settled = NONE, kind = 0, finished = NONE,
      request = '', requeued = '', before = '', worker = '', reason = '',
    }
  end
  local started, ends, most, settled, kind, finished, request, requeued, before, worker, behind =
    struct.unpack(RUN_FORMAT, packed)
  return {
    started = started, ends = ends, most = most, settled = settled, kind = kind,
    finished = finished, request = request, requeued = requeued, before = before,
    worker = worker, reason = string.sub(packed, behind),
  }
end

local function pack_run(run)
  return struct.pack(RUN_FORMAT, run.started, run.ends, run.most, run.settled, run.kind,
    run.finished, #run.request, run.request, #run.requeued, run.requeued, #run.before,
    run.before, #run.worker, run.worker) .. run.reason
end

-- Jobs and runs that were read or changed, by id; false where there is none.
local heads_of, runs_of = {}, {}

local function load(key, known, ids, decode)
  local packed = fetch(key, ids)
  for i, id in ipairs(ids) do
    if known[id] == nil then
      known[id] = packed[i] and decode(packed[i])
    end
  end
end

-- Has find and run_of answer without asking for each job.
local function load_heads(ids)
  load(JOB, heads_of, ids, read_head)
end

local function load_runs(ids)
  load(RUN, runs_of, ids, read_run)
end

local function find(id)
  if heads_of[id] == nil then
    load_heads({id})
  end
  return heads_of[id] or nil
end

local function run_of(id)
  if runs_of[id] == nil then
    load_runs({id})
  end
  runs_of[id] = runs_of[id] or read_run(nil)
  return runs_of[id]
end

local function save_head(id, job)
  local packed = pack_head(job)
  heads_of[id] = job
  change('HSET', JOB, id, packed)
  return packed
end

local function save(id, job, run)
  runs_of[id] = run
  change('HSET', RUN, id, pack_run(run))
  return save_head(id, job)
end

-- The arguments from a place on, of which every so-many-th is an id.
local function ids_among(first, width)
  local ids = {}
  for i = first, #ARGV, width do
    ids[#ids + 1] = ARGV[i]
  end
  return ids
end

-- Where a scheduled job stands: by type, level (127 - priority), time and id.
local function place(id, job)
  return struct.pack('>I2c0Bc8c16', #job.type, job.type, job.level, job.due, id)
end

local function claim_of(id, job, run)
  return struct.pack('>c16Bc8c16', run.request, job.level, job.due, id)
end

local function become(job, state)
  count(job.state, job.type, -1)
  count(state, job.type, 1)
  job.state = state
end

local function end_lease(id, job, run)
  change('ZREM', LEASES, run.ends .. id)
  change('ZREM', HELD, claim_of(id, job, run))
  run.ends, run.request = NONE, ''
end

local function schedule(id, job)
  become(job, SCHEDULED_STATE)
  change('ZADD', SCHEDULE, 0, place(id, job))
end

local function finish(id, job, run, state, reason)
  become(job, state)
  run.finished, run.reason = NOW, reason
  if state == DEAD_STATE then
    change('ZADD', DEAD, 0, id)
  else
    change('ZADD', DONE, 0, NOW .. id)
  end
end

-- Takes leases back that expired, the longest expired first (clause LEA-2).
-- Returns id, type and state of each in one flat list.
local function take_back(limit)
  -- A lease whose entry is gone, thrown away by a server whose memory was full, would never end:
  -- its job says when it ends. Some at a time; the next calls find the others.
  if call('ZCARD', LEASES) < call('ZCARD', HELD) then
    for _, member in ipairs(call('ZRANDMEMBER', HELD, CHUNK)) do
      local id = string.sub(member, -16)
      call('ZADD', LEASES, 0, read_run(call('HGET', RUN, id)).ends .. id)
    end
  end
  local reaped, ids = {}, {}
  local expired = call('ZRANGEBYLEX', LEASES, '-', '[' .. NOW .. TOP, 'LIMIT', 0, limit)
  for i, member in ipairs(expired) do
    ids[i] = string.sub(member, 9)
  end
  load_heads(ids)
  load_runs(ids)
  for _, id in ipairs(ids) do
    local job, run = find(id), run_of(id)
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
  flush()
  return reaped
end
