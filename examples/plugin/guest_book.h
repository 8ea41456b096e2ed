// A plugin that keeps a list of those who are connected, lets in only so many, and shows the list
// to whoever asks. It uses EchoStream's public headers, as any plugin does.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "echostream/plugin.h"

namespace guestbook {

class GuestBook final : public echostream::Plugin {
 public:
  std::string_view name() const override { return "guest_book"; }
  std::string_view version() const override { return "1.0"; }

  /// {"mostGuests": 2}
  echostream::Status configure(std::string_view json) override;

  echostream::Task<echostream::Status> on_start(echostream::Node& node) override;
  echostream::Task<void> on_stop(echostream::Node& node) override;
  echostream::Task<echostream::Status> on_session_opening(echostream::Node& node,
                                                          echostream::Session session) override;
  void on_session_open(echostream::Node& node, const echostream::Session& session) override;
  void on_session_closed(echostream::Node& node, const echostream::Session& session,
                         const echostream::Status& reason,
                         const echostream::SessionStats& stats) override;

  const std::vector<std::uint32_t>& present() const { return present_; }
  std::uint32_t total() const { return total_; }

 private:
  std::uint32_t most_guests_ = 0;
  std::vector<std::uint32_t> present_;
  std::uint32_t total_ = 0;
};

}  // namespace guestbook
