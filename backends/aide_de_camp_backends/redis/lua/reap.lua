-- Takes expired leases back. How many at most.
begin()
return take_back(tonumber(ARGV[3]))
