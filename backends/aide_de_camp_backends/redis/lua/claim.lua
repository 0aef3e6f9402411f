-- Takes expired leases back, then hands out due jobs.
-- request, limit, length of the lease, worker, how many to take back, retries by default, how many
-- types (-1 for all), the types, then type and retries in turn.
begin()
local request, limit, length, worker = ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local most_by_default, types = tonumber(ARGV[8]), tonumber(ARGV[9])
if types == 0 then
  return {NOW, '', {}, {}}
end

local jobs = {}
local function hand_out(id, head, run, payload)
  local last = #jobs
  jobs[last + 1], jobs[last + 2], jobs[last + 3] = id, head, run.most
  jobs[last + 4], jobs[last + 5] = run.ends, payload
end

local function ids_of(members)
  local ids = {}
  for i, member in ipairs(members) do
    ids[i] = string.sub(member, -16)
  end
  return ids
end

-- A repeat after a lost reply gives what the first one took and is still held (clause LIV-4).
local held = ids_of(call('ZRANGEBYLEX', HELD, '[' .. request, '[' .. request .. TOP))
if #held > 0 then
  local heads, runs, payloads = fetch(JOB, held), fetch(RUN, held), fetch(BODY, held)
  for i, id in ipairs(held) do
    hand_out(id, heads[i], read_run(runs[i]), payloads[i])
  end
  return {NOW, '', {}, jobs}
end

local reaped = take_back(tonumber(ARGV[7]))
local names, most_of = nil, {}
if types >= 0 then
  names = {}
  for i = 10, 9 + types do
    names[#names + 1] = ARGV[i]
  end
end
for i = 10 + math.max(types, 0), #ARGV, 2 do
  most_of[ARGV[i]] = tonumber(ARGV[i + 1])
end

local members, next_due = walk(names, limit)
local ids = ids_of(members)
local heads, runs, payloads = fetch(JOB, ids), fetch(RUN, ids), fetch(BODY, ids)
local ends = later(NOW, length)
in_chunks('ZREM', SCHEDULE, members)
for i, id in ipairs(ids) do
  local job, run = read_head(heads[i]), read_run(runs[i])
  become(job, RUNNING_STATE)
  job.token = plus(job.token, ONE)
  if less(job.token, NOW) then
    job.token = NOW
  end
  job.claims = job.claims + 1
  run.started, run.ends, run.worker, run.request = NOW, ends, worker, request
  run.most = job.most
  if run.most == 4294967295 then
    run.most = most_of[job.type] or most_by_default
  end
  local head = save(id, job, run)
  change('ZADD', LEASES, 0, ends .. id)
  change('ZADD', HELD, 0, claim_of(id, job, run))
  hand_out(id, head, run, payloads[i])
end
flush()
return {NOW, next_due or '', reaped, jobs}
