-- Removes held jobs, which are somewhere else now. The ids. Answers 0 done, 1 not held, 2 not found.
local answers = {}
load_heads(ids_among(3, 1))
for i = 3, #ARGV do
  local id, answer = ARGV[i], 2
  local job = find(id)
  if job and job.state ~= HELD_STATE then
    answer = 1
  elseif job then
    answer = 0
    remove(id, job)
  end
  answers[#answers + 1] = answer
end
flush()
return answers
