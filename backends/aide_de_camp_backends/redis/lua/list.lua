-- Reads some jobs in the order of their ids, in bounded steps.
-- Whether only the dead are looked at, newest first or not, the id before, how many at most, how
-- many to look at, states, types, reasons, then from and to of scheduled, enqueued and finished.
-- Answers the id to go on behind (empty: nothing is there), then id, head, run and error of each.
local index = next_argument() == '1' and DEAD or IDS
local newest_first, after = next_argument() == '1', next_argument()
local limit, looks = tonumber(next_argument()), tonumber(next_argument())
local states, types, reasons = next_set(), next_set(), next_set()
local bounds = {}
for i = 1, 6 do
  bounds[i] = next_argument()
end

local function matches(job, run)
  return (not states or states[tostring(job.state)]) and (not types or types[job.type])
    and (not reasons or reason_is_among(reasons, run))
    and within(job.due, bounds[1], bounds[2]) and within(job.enqueued, bounds[3], bounds[4])
    and within(run.finished, bounds[5], bounds[6])
end

local function step(size)
  if newest_first then
    return call('ZREVRANGEBYLEX', index, after == '' and '+' or '(' .. after, '-', 'LIMIT', 0, size)
  end
  return call('ZRANGEBYLEX', index, after == '' and '-' or '(' .. after, '+', 'LIMIT', 0, size)
end

local found, answers = 0, {''}
while looks > 0 do
  local size = math.min(looks, CHUNK)
  local ids = step(size)
  local heads, runs = fetch(JOB, ids), fetch(RUN, ids)
  for i, id in ipairs(ids) do
    local job, run = read_head(heads[i]), read_run(runs[i])
    if matches(job, run) then
      if found == limit then
        answers[1] = answers[#answers - 3]
        return answers
      end
      found = found + 1
      local problem = call('HGET', ERROR, id)
      if problem then
        problem = string.sub(problem, 1, 12 + struct.unpack('>I4', problem, 9))
      end
      for _, value in ipairs({id, heads[i], runs[i], problem}) do
        answers[#answers + 1] = value
      end
    end
    after = id
  end
  if #ids < size then
    return answers
  end
  looks = looks - #ids
end
answers[1] = after
return answers
