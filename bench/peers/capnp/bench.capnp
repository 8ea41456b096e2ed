# The work of bench.proto, for Cap'n Proto.
@0xd0f1b6a2c3e45978;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("bench::capnproto");

interface Bench {
  # Returns what it got.
  echo @0 (payload :Data) -> (payload :Data);
  # One message of many; flow control lets several be under way.
  write @1 (payload :Data) -> stream;
  # What write() got since the server started. Answered after the writes before it.
  count @2 () -> (messages :UInt64, bytes :UInt64);
  usage @3 () -> (cpuSeconds :Float64, residentBytes :UInt64);
}
