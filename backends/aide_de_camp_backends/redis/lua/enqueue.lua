-- Stores jobs, all or none. Per job: id, head, delay (empty: the head holds its time), payload.
-- Answers whether the queue is new, then 1 for each job stored and 0 for each that is there.
begin()
wake()
local answers = {is_new()}
load_heads(ids_among(3, 4))
for i = 3, #ARGV, 4 do
  local id, head, delay = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if find(id) then
    answers[#answers + 1] = 0
  else
    local job = read_head(head)
    job.enqueued = NOW
    if delay ~= '' then
      job.due = later(NOW, delay)
    end
    save_head(id, job)
    change('HSET', BODY, id, ARGV[i + 3])
    change('ZADD', SCHEDULE, 0, place(id, job))
    change('ZADD', IDS, 0, id)
    count(SCHEDULED_STATE, job.type, 1)
    answers[#answers + 1] = 1
  end
end
flush()
return answers
