-- Shows EchoStream's protocol (docs/protocol.md) in Wireshark and tshark, within QUIC that they can decrypt:
--   tshark -r capture.pcap -o tls.keylog_file:keys -X lua_script:echostream.lua -Y echostream
-- docs/debugging.md says how to get the capture and the keys. Tested with tshark 4.0.

local echostream = Proto("echostream", "EchoStream")

local frame_names = {
  [0x00] = "SETTINGS", [0x01] = "GOAWAY", [0x02] = "CLOCK_REPORT",
  [0x10] = "REQUEST", [0x11] = "RESPONSE", [0x12] = "MESSAGE", [0x13] = "TIMED_MESSAGE",
  [0x14] = "END", [0x15] = "STATUS", [0x20] = "EVENT",
}
local stream_names = { [0x00] = "control", [0x01] = "events", [0x02] = "frame" }
local setting_names = {
  [0x01] = "max_message_bytes", [0x02] = "max_metadata_bytes", [0x03] = "max_subscriptions",
}
local datagram_names = {
  [0x00] = "frame", [0x01] = "fragment", [0x02] = "CLOCK_REQUEST", [0x03] = "CLOCK_REPLY", [0x04] = "REPORT",
}
local status_names = {
  [0] = "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
  "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

local f = {
  stream_type = ProtoField.uint64("echostream.stream.type", "Stream type", base.HEX),
  frame_type = ProtoField.uint64("echostream.frame.type", "Frame type", base.HEX),
  frame_name = ProtoField.string("echostream.frame.name", "Frame"),
  frame_length = ProtoField.uint64("echostream.frame.length", "Length"),
  setting_id = ProtoField.uint64("echostream.setting.id", "Setting", base.HEX),
  setting_value = ProtoField.uint64("echostream.setting.value", "Value"),
  method_id = ProtoField.uint64("echostream.method_id", "Method id", base.HEX),
  timeout = ProtoField.uint64("echostream.timeout", "Timeout (us)"),
  made_at = ProtoField.uint64("echostream.made_at", "Made at (ns)"),
  emitted_at = ProtoField.uint64("echostream.emitted_at", "Emitted at (ns)"),
  metadata_key = ProtoField.string("echostream.metadata.key", "Metadata key"),
  metadata_value = ProtoField.bytes("echostream.metadata.value", "Metadata value"),
  sequence = ProtoField.uint64("echostream.sequence", "Sequence"),
  capture_time = ProtoField.uint64("echostream.capture_time", "Capture time (ns)"),
  message = ProtoField.bytes("echostream.message", "Message"),
  total = ProtoField.uint64("echostream.total", "Total"),
  status_code = ProtoField.uint64("echostream.status.code", "Status"),
  status_message = ProtoField.string("echostream.status.message", "Status message"),
  detail_type = ProtoField.string("echostream.status.detail.type", "Detail type"),
  detail_value = ProtoField.bytes("echostream.status.detail.value", "Detail"),
  clock_field = ProtoField.uint64("echostream.clock", "Clock"),
  call_id = ProtoField.uint64("echostream.call_id", "Call id"),
  datagram_type = ProtoField.uint64("echostream.datagram.type", "Datagram type", base.HEX),
  datagram_name = ProtoField.string("echostream.datagram.name", "Datagram"),
  fragment_index = ProtoField.uint64("echostream.fragment.index", "Fragment"),
  fragment_count = ProtoField.uint64("echostream.fragment.count", "Fragments"),
  report_field = ProtoField.uint64("echostream.report", "Report"),
  rest = ProtoField.bytes("echostream.rest", "Not looked at"),
}
echostream.fields = f
local malformed = ProtoExpert.new("echostream.malformed", "Malformed, or cut off",
                                  expert.group.MALFORMED, expert.severity.ERROR)
echostream.experts = { malformed }

-- What Wireshark knows of the QUIC stream or datagram that we are called for.
local connection_number = Field.new("quic.connection.number")
local stream_id = Field.new("quic.stream.stream_id")
local stream_offset = Field.new("quic.stream.offset")
local stream_fin = Field.new("quic.stream.fin")
local quic_datagram = Field.new("quic.dg")

-- ---- Reading. A reader goes through the bytes of one payload, and raises `cut` where they end too early.

local cut = {}

local function varint_size(range)
  return 2 ^ bit.rshift(range:uint(), 6)
end

local Reader = {}
Reader.__index = Reader

local function reader(tvb, from, to)
  return setmetatable({ tvb = tvb, at = from, to = to }, Reader)
end

function Reader:left()
  return self.to - self.at
end

function Reader:take(size)
  if size > self:left() then error(cut, 0) end
  local from = self.at
  self.at = from + size
  return size > 0 and self.tvb:range(from, size) or nil
end

-- The number, and its bytes.
function Reader:varint()
  if self:left() < 1 then error(cut, 0) end
  local range = self:take(varint_size(self.tvb:range(self.at, 1)))
  local mask = UInt64.max():rshift(2 + 8 * (8 - range:len()))
  return range:uint64():band(mask), range
end

-- Shows a number; `names` says what it means. Gives the number (numbers over 2^53 lose their last digits) and
-- its tree item.
function Reader:number(tree, field, names, label)
  local value, range = self:varint()
  local item = tree:add(field, range, value)
  local plain = value:tonumber()
  if names then item:append_text(" (" .. (names[plain] or "unknown") .. ")") end
  if label then item:prepend_text(label .. " / ") end
  return plain, item, value
end

-- Shows that many bytes as its length says; nothing where there are none.
function Reader:text(tree, field)
  local range = self:take(self:varint():tonumber())
  if range then tree:add(field, range) end
end

function Reader:remainder(tree, field)
  if self:left() > 0 then tree:add(field, self:take(self:left())) end
end

-- ---- Frames.

local function metadata(r, tree)
  for _ = 1, r:varint():tonumber() do
    r:text(tree, f.metadata_key)
    r:text(tree, f.metadata_value)
  end
end

local function hex(value)
  return "0x" .. value:tohex():lower()
end

local function frame_header(r, tree)
  local sequence = r:number(tree, f.sequence)
  r:number(tree, f.capture_time)
  return "#" .. sequence
end

local function clock_fields(r, tree, names)
  for _, name in ipairs(names) do
    r:number(tree, f.clock_field, nil, name)
  end
end

-- By type: shows the payload and returns what the summary says behind the frame's name.
local show_frame = {
  [0x00] = function(r, tree)
    while r:left() > 0 do
      r:number(tree, f.setting_id, setting_names)
      r:number(tree, f.setting_value)
    end
  end,
  [0x02] = function(r, tree)
    clock_fields(r, tree, { "node", "sent", "reference", "timescale", "beat", "hops", "via", "known" })
    r:remainder(tree, f.rest)
  end,
  [0x10] = function(r, tree)
    local _, _, id = r:number(tree, f.method_id)
    r:number(tree, f.timeout)
    metadata(r, tree)
    if r:left() > 0 then r:number(tree, f.made_at) end
    return hex(id)
  end,
  [0x11] = metadata,
  [0x12] = function(r, tree) r:remainder(tree, f.message) end,
  [0x13] = function(r, tree)
    local sequence = frame_header(r, tree)
    r:remainder(tree, f.message)
    return sequence
  end,
  [0x14] = function(r, tree) r:number(tree, f.total) end,
  [0x15] = function(r, tree)
    local code = r:number(tree, f.status_code, status_names)
    r:text(tree, f.status_message)
    for _ = 1, r:varint():tonumber() do
      r:text(tree, f.detail_type)
      r:text(tree, f.detail_value)
    end
    metadata(r, tree)
    return status_names[code] or tostring(code)
  end,
  [0x20] = function(r, tree)
    local _, _, id = r:number(tree, f.method_id)
    r:number(tree, f.emitted_at)
    metadata(r, tree)
    r:remainder(tree, f.message)
    return hex(id)
  end,
}

-- Runs `show`, which may find that the bytes end too early.
local function guarded(tree, show)
  local fine, result = pcall(show)
  if fine then return result end
  if result ~= cut then error(result, 0) end
  tree:add_proto_expert_info(malformed)
end

local function add_summary(pinfo, text)
  pinfo.cols.protocol = "EchoStream"
  pinfo.cols.info:append(", " .. text)
  pinfo.cols.info:fence()
end

-- Whole frames, up to the end of `tvb`.
local function show_frames(tvb, pinfo, tree, at)
  while at < tvb:len() do
    local head = reader(tvb, at, tvb:len())
    local kind, kind_range = head:varint()
    local length = head:varint():tonumber()
    local number = kind:tonumber()
    local name = frame_names[number] or "unknown frame"
    local frame = tree:add(echostream, tvb:range(at, head.at + length - at), name)
    frame:add(f.frame_type, kind_range, kind)
    frame:add(f.frame_name, kind_range, name):set_generated()
    frame:add(f.frame_length, tvb:range(at + kind_range:len(), head.at - at - kind_range:len()), UInt64(length))
    local r = reader(tvb, head.at, head.at + length)
    local more = show_frame[number] and guarded(frame, function() return show_frame[number](r, frame) end)
    if not show_frame[number] then r:remainder(frame, f.rest) end
    if more then frame:append_text(" " .. more) end
    add_summary(pinfo, name .. (more and " " .. more or ""))
    at = head.at + length
  end
end

-- ---- Streams. We put their pieces together ourselves: Wireshark 4.0 drops what a Lua dissector asks it to keep.

local control_stream, events_stream, frame_stream = 0x00, 0x01, 0x02

-- Reads a varint of a string: its value and where it ends, or nothing.
local function string_varint(text, at)
  local first = text:byte(at)
  if not first then return nil end
  local size = 2 ^ bit.rshift(first, 6)
  if #text < at + size - 1 then return nil end
  local value = bit.band(first, 0x3f)
  for i = at + 1, at + size - 1 do value = value * 256 + text:byte(i) end
  return value, at + size
end

-- How many bytes of `text` are whole frames, and how many it must have for one more.
local function whole_frames(text, from)
  local at = from
  while true do
    local kind, after_kind = string_varint(text, at)
    local length, after = nil, nil
    if kind then length, after = string_varint(text, after_kind) end
    if not length then return at - 1, #text + 1 end
    if after + length > #text + 1 then return at - 1, after + length - 1 end
    at = after + length
  end
end

-- One direction of a stream.
local Stream = {}
Stream.__index = Stream

local function new_stream(is_unidirectional)
  return setmetatable({
    is_unidirectional = is_unidirectional,
    kind = nil,          -- of a unidirectional one, once it is known
    next = 0,            -- the offset up to which everything has come
    early = {},          -- pieces behind a gap, by their offset
    parts = {},          -- what has come and was not shown yet,
    size = 0,            -- how much that is,
    needed = 1,          -- and how much it must be before something can be shown
    final = nil,         -- the offset of the end
  }, Stream)
end

-- Takes a piece, and returns what can be shown now: bytes, and how many of the first ones are the stream's type.
function Stream:take(from, piece, is_last)
  if is_last then self.final = from + #piece end
  if from > self.next then
    self.early[from] = piece
    return nil
  end
  while piece do
    local fresh = piece:sub(self.next - from + 1)
    self.parts[#self.parts + 1] = fresh
    self.size = self.size + #fresh
    self.next = self.next + #fresh
    from = self.next
    piece = self.early[from]
    self.early[from] = nil
  end
  local is_at_end = self.next == self.final
  if self.size < self.needed and not is_at_end then return nil end

  local text = table.concat(self.parts)
  local begin = 1
  if self.is_unidirectional and not self.kind then
    self.kind, begin = string_varint(text, 1)
    if not self.kind then return self:keep(text, #text + 1) end
  end
  local whole = #text
  if self.kind == frame_stream then
    if not is_at_end then
      self.kind = nil  -- the type is read again, with the rest
      return self:keep(text, math.huge)
    end
    self:keep("", 1)
  elseif not self.is_unidirectional or self.kind == control_stream or self.kind == events_stream then
    local needed
    whole, needed = whole_frames(text, begin)
    self:keep(text:sub(whole + 1), needed - whole)
  else
    self:keep("", 1)
  end
  if whole == 0 then return nil end
  return text:sub(1, whole), begin - 1
end

function Stream:keep(text, needed)
  self.parts = { text }
  self.size = #text
  self.needed = needed
  return nil
end

-- By connection, direction and id; what was shown for each piece, for Wireshark looks at packets again and again;
-- and the connections that are ours.
local streams = {}
local shown_before = {}
local connections = {}

function echostream.init()
  streams = {}
  shown_before = {}
  connections = {}
end

local function last(field)
  local all = { field() }
  return all[#all]
end

-- Of the STREAM frame that we are called for, which is the last one.
local function piece_of(tvb, pinfo, id)
  local offset = last(stream_offset)
  -- Without an offset of its own it begins the stream; then the last offset is an earlier frame's.
  local from = offset and offset.offset > id.offset and offset.value:tonumber() or 0
  local number = id.value:tonumber()
  local key = table.concat({ last(connection_number).value, tostring(pinfo.src), pinfo.src_port, number }, "/")
  local visit = key .. "/" .. pinfo.number .. "/" .. from
  local result = shown_before[visit]
  if not result then
    local stream = streams[key] or new_stream(bit.band(number % 4, 2) ~= 0)
    streams[key] = stream
    local bytes, type_bytes = stream:take(from, tvb:range():bytes():raw(), last(stream_fin).value)
    result = { bytes = bytes, type_bytes = type_bytes, kind = stream.kind, number = number,
               is_unidirectional = stream.is_unidirectional }
    shown_before[visit] = result
  end
  return result
end

function echostream.dissector(tvb, pinfo, tree)
  local id = last(stream_id)
  if not id or not last(connection_number) then return 0 end
  connections[last(connection_number).value] = true
  if tvb:len() == 0 then return 0 end
  local piece = piece_of(tvb, pinfo, id)
  local name = piece.is_unidirectional and (stream_names[piece.kind] or "unknown") .. " stream " or "call "
  local shown = tree:add(echostream, tvb(), "EchoStream, " .. name .. piece.number)
  if not piece.bytes then
    shown:append_text(", shown where its frame ends")
    return tvb:len()
  end

  local whole = tvb
  if #piece.bytes ~= tvb:len() then whole = ByteArray.new(piece.bytes, true):tvb("EchoStream") end
  local r = reader(whole, 0, whole:len())
  if piece.type_bytes > 0 then r:number(shown, f.stream_type, stream_names) end
  if not piece.is_unidirectional or piece.kind == control_stream or piece.kind == events_stream then
    show_frames(whole, pinfo, shown, piece.type_bytes)
  elseif piece.kind == frame_stream then
    guarded(shown, function()
      local call = r:number(shown, f.call_id)
      add_summary(pinfo, "frame " .. frame_header(r, shown) .. " of call " .. call)
      r:remainder(shown, f.message)
    end)
  else
    r:remainder(shown, f.rest)
  end
  return tvb:len()
end

DissectorTable.get("quic.proto"):add("echostream/1", echostream)

-- ---- Datagrams: Wireshark 4.0 gives those to nobody.

local datagrams = Proto("echostream_datagrams", "EchoStream datagrams")

local show_datagram = {
  [0x02] = function(r, tree) clock_fields(r, tree, { "id" }) end,
  [0x03] = function(r, tree)
    clock_fields(r, tree, { "id", "received", "sent", "previous id", "previous sent" })
  end,
  [0x04] = function(r, tree)
    local call = r:number(tree, f.call_id)
    for _, name in ipairs({ "expected", "received", "late", "jitter (us)", "target delay (us)", "captured at",
                            "played at" }) do
      r:number(tree, f.report_field, nil, name)
    end
    return "of call " .. call
  end,
}
local function show_frame_datagram(r, tree, is_fragment)
  local call = r:number(tree, f.call_id)
  local text = frame_header(r, tree)
  if is_fragment then
    text = text .. " part " .. r:number(tree, f.fragment_index) + 1
    text = text .. "/" .. r:number(tree, f.fragment_count)
  end
  r:remainder(tree, f.message)
  return text .. " of call " .. call
end
show_datagram[0x00] = function(r, tree) return show_frame_datagram(r, tree, false) end
show_datagram[0x01] = function(r, tree) return show_frame_datagram(r, tree, true) end

function datagrams.dissector(_, pinfo, tree)
  local connection = last(connection_number)
  if not connection or not connections[connection.value] then return end
  for _, datagram in ipairs({ quic_datagram() }) do
    local range = datagram.range
    local shown = tree:add(echostream, range, "EchoStream, datagram ")
    local r = reader(range:tvb(), 0, range:len())
    guarded(shown, function()
      local kind = r:number(shown, f.datagram_type, datagram_names)
      local name = datagram_names[kind] or "unknown"
      shown:add(f.datagram_name, name):set_generated()
      local more = show_datagram[kind] and show_datagram[kind](r, shown)
      local text = name .. (more and " " .. more or "")
      shown:append_text(text)
      add_summary(pinfo, "datagram " .. text)
    end)
  end
end

register_postdissector(datagrams)
