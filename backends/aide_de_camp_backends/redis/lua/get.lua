-- Reads jobs. The ids. Answers head, run, error and payload of each.
local ids = {}
for i = 3, #ARGV do
  ids[#ids + 1] = ARGV[i]
end
return read(ids)
