// What compressing one message costs, and what it saves: docs/plugins/compression.md.
//
//   build/bench/bench/echostream_bench_compression
#include <benchmark/benchmark.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/plugins/compression/packed_message.h"

namespace echostream::compression {
namespace {

double next_random() {
  static std::uint64_t state = 1;
  state = state * 6364136223846793005 + 1442695040888963407;
  return static_cast<double>(state >> 11) * 0x1p-53;
}

// A robot's state, many times: names, and numbers that change a little.
std::string telemetry() {
  google::protobuf::ListValue list;
  for (int sample = 0; sample < 20; ++sample) {
    auto& fields = *list.add_values()->mutable_struct_value()->mutable_fields();
    fields["stamp_ns"].set_number_value(1.7e18 + sample * 1e7 + std::floor(next_random() * 1e4));
    for (int joint = 0; joint < 7; ++joint) {
      const std::string name = "joint_" + std::to_string(joint);
      fields[name + "/position"].set_number_value(std::sin(sample * 0.01 + joint) +
                                                  next_random() * 1e-3);
      fields[name + "/torque"].set_number_value(std::round(next_random() * 1e4) / 100);
    }
    fields["mode"].set_string_value(sample < 15 ? "TRACKING" : "HOLDING");
  }
  return list.SerializeAsString();
}

// A turn of a laser scanner: 1440 floats, a room with noise of some millimetres.
std::string scan() {
  std::string bytes;
  for (int i = 0; i < 1440; ++i) {
    const double angle = i * 3.14159265 / 720;
    const auto range =
        static_cast<float>(std::round((4 / (std::abs(std::cos(angle)) + std::abs(std::sin(angle))) +
                                       next_random() * 0.01) *
                                      1000) /
                           1000);
    char raw[sizeof range];
    std::memcpy(raw, &range, sizeof range);
    bytes.append(raw, sizeof raw);
  }
  google::protobuf::BytesValue message;
  message.set_value(bytes);
  return message.SerializeAsString();
}

// What reflection and configuration services send.
std::string schema() {
  google::protobuf::FileDescriptorProto file;
  google::protobuf::FileDescriptorProto::descriptor()->file()->CopyTo(&file);
  return file.SerializeAsString();
}

// A picture or sound that is compressed already.
std::string picture() {
  std::string bytes(50'000, ' ');
  for (char& byte : bytes) byte = static_cast<char>(next_random() * 256);
  google::protobuf::BytesValue message;
  message.set_value(bytes);
  return message.SerializeAsString();
}

struct Payload {
  const char* name;
  std::string bytes;
};
const std::vector<Payload>& payloads() {
  static const std::vector<Payload> all{
      {"telemetry", telemetry()}, {"scan", scan()}, {"schema", schema()}, {"picture", picture()}};
  return all;
}

std::unique_ptr<Codec> codec_of(const std::string& name, int level) {
  return name == "zstd" ? make_zstd_codec(level) : make_deflate_codec(level);
}

void pack(benchmark::State& state, const std::string& name, int level, const std::string& bytes) {
  const auto codec = codec_of(name, level);
  std::vector<std::uint8_t> scratch;
  Buffer packed;
  for (auto _ : state) {
    packed = pack_compressed(as_bytes(bytes), *codec, scratch);
    benchmark::DoNotOptimize(packed.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
  state.counters["bytes"] = static_cast<double>(bytes.size());
  state.counters["packed"] = static_cast<double>(packed.empty() ? bytes.size() + 1 : packed.size());
}

void open(benchmark::State& state, const std::string& name, int level, const std::string& bytes) {
  const auto codec = codec_of(name, level);
  std::vector<std::uint8_t> scratch;
  const Buffer packed = pack_compressed(as_bytes(bytes), *codec, scratch);
  if (packed.empty()) return state.SkipWithError("incompressible");
  for (auto _ : state) {
    auto message = unpack(packed, *codec, bytes.size());
    benchmark::DoNotOptimize(message->data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}

}  // namespace
}  // namespace echostream::compression

int main(int argc, char** argv) {
  using namespace echostream::compression;
  for (const Payload& payload : payloads()) {
    for (const auto& [codec, level] : std::vector<std::pair<std::string, int>>{
             {"zstd", 1}, {"zstd", 3}, {"zstd", 9}, {"deflate", 1}, {"deflate", 6}}) {
      const std::string row = std::string(payload.name) + "/" + codec + "/" + std::to_string(level);
      benchmark::RegisterBenchmark(("pack/" + row).c_str(), pack, codec, level, payload.bytes);
      benchmark::RegisterBenchmark(("unpack/" + row).c_str(), open, codec, level, payload.bytes);
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
