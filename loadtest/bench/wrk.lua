-- wrk -s wrk.lua URL -- FILE SKIP [tokens]: sends the requests of FILE one after the other, over
-- and over, the first SKIP left out at first; ends with one line of JSON. With "tokens" it adds up
-- that field of the answers, which costs too much where there are thousands a second.

local requests, position = {}, 0
local only_thread
tokens = 0 -- global, to be read from where `done` runs

function setup(thread)
  only_thread = thread
end

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
  if args[3] == "tokens" then
    function response(status, headers, body)
      tokens = tokens + (tonumber(body:match('"tokens": ?(%d+)')) or 0)
    end
  end
end

-- wrk asks for one request before it starts, which it never sends.
function request()
  position = position % #requests + 1
  return requests[position]
end

function done(summary, latency)
  local errors = summary.errors
  local line = '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, '
    .. '"refused": %d, "broken": %d, "tokens": %d}\n'
  io.write(line:format(
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, only_thread:get("tokens")))
end
