-- Stores jobs that another storage holds, all or none. Per job: id, head, run and error (empty:
-- none), payload.
-- Answers whether the queue is new, then 1 for each job stored and 0 for each that is there.
local answers = {is_new()}
load_heads(ids_among(3, 5))
for i = 3, #ARGV, 5 do
  local id, head, run, problem = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if find(id) then
    answers[#answers + 1] = 0
  else
    local job = read_head(head)
    save_head(id, job)
    change('HSET', BODY, id, ARGV[i + 4])
    if run ~= '' then
      change('HSET', RUN, id, run)
    end
    if problem ~= '' then
      change('HSET', ERROR, id, problem)
    end
    change('ZADD', IDS, 0, id)
    count(HELD_STATE, job.type, 1)
    answers[#answers + 1] = 1
  end
end
flush()
return answers
