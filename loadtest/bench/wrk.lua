-- wrk -s wrk.lua URL -- FILE SKIP: sends the requests of FILE one after the other, over and over,
-- the first SKIP left out at first; ends with one line of JSON.

local requests, position = {}, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local data = file:read("*a")
  file:close()
  local start = 1
  while start <= #data do
    local a, b, c, d = data:byte(start, start + 3)
    local length = ((a * 256 + b) * 256 + c) * 256 + d
    requests[#requests + 1] = data:sub(start + 4, start + 3 + length)
    start = start + 4 + length
  end
  position = tonumber(args[2]) % #requests
end

-- wrk asks for one request before it starts, which it never sends.
function request()
  position = position % #requests + 1
  return requests[position]
end

function done(summary, latency)
  local errors = summary.errors
  local line = '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, '
    .. '"refused": %d, "broken": %d}\n'
  io.write(line:format(
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
