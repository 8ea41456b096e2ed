// Any file given to the reader of recordings: read as far as it makes sense, and what does not is
// told; its messages are printed by whatever descriptors it brings, and made into calls that could
// be served. Input: one byte that chooses, then a file, or the records of a chunk.
#include <string>

#include "echostream/plugins/recording.h"

#include "runtime/plugins/recorder/mcap/crc32.h"
#include "runtime/plugins/recorder/mcap/format.h"
#include "runtime/plugins/recorder/replay_script.h"
#include "tests/fuzz/fuzz_check.h"

using namespace echostream;
using namespace echostream::mcap;

namespace {

constexpr std::size_t kMostBytes = 1024 * 1024;

// What is worth reading is behind a checksum, which no fuzzer finds.
std::string in_a_chunk(BytesView records) {
  FieldWriter file;
  file.raw(kMagic);
  file.begin_record(Opcode::kHeader);
  file.string("");
  file.string("");
  file.end_record();
  file.begin_record(Opcode::kChunk);
  file.u64(0);
  file.u64(0);
  file.u64(records.size());
  file.u32(crc32(records));
  file.string("");
  file.u64(records.size());
  file.raw(records);
  file.end_record();
  return std::string(as_text(file.view()));
}

void try_file(std::string_view file) {
  RecordingOptions options;
  options.max_chunk_bytes = kMostBytes;
  auto reader = RecordingReader::from_bytes(Buffer::copy(file), options);
  if (!reader) {
    FUZZ_CHECK(reader.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  RecordingPrinter printer;
  recorder::ReplayScript script(kMostBytes);
  Status scripted;
  std::size_t messages = 0;
  while (auto message = reader->next()) {
    FUZZ_CHECK(message->data.size() <= kMostBytes);
    FUZZ_CHECK(message->channel != nullptr);
    if (++messages > 1000) continue;
    const auto json = printer.to_json(*message->channel, message->data);
    FUZZ_CHECK(json || json.status().code() == StatusCode::kInvalidArgument);
    if (scripted.is_ok()) scripted = script.add(*message);
  }
  const RecordingDamage& damage = reader->damage();
  FUZZ_CHECK(damage.is_finished || !damage.reason.empty());
  FUZZ_CHECK(damage.bytes_lost_at_end <= file.size());
  FUZZ_CHECK(!reader->next());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const BytesView rest(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    try_file(as_text(rest));
  } else {
    try_file(in_a_chunk(rest));
  }
  return 0;
}
