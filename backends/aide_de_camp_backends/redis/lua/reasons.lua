-- Counts jobs of one state by type whose reason is among some, in bounded steps.
-- The state, the member before, how many to look at, types, reasons.
-- Answers the member to go on behind (empty: done), then type and number in turn.
local state, after, looks = tonumber(next_argument()), next_argument(), tonumber(next_argument())
local types, reasons = next_set(), next_set()
local index = state == DEAD_STATE and DEAD or state == HELD_STATE and IDS or DONE
local counts, answers = {}, {''}
local members = call('ZRANGEBYLEX', index, after == '' and '-' or '(' .. after, '+', 'LIMIT', 0, looks)
local ids = {}
for i, member in ipairs(members) do
  ids[i] = string.sub(member, -16)
end
local heads, runs = fetch(JOB, ids), fetch(RUN, ids)
for i = 1, #ids do
  local job = read_head(heads[i])
  if job.state == state and (not types or types[job.type])
    and reason_is_among(reasons, read_run(runs[i])) then
    counts[job.type] = (counts[job.type] or 0) + 1
  end
end
if #members == looks then
  answers[1] = members[#members]
end
for name, number in pairs(counts) do
  answers[#answers + 1] = name
  answers[#answers + 1] = number
end
return answers
