// Drives a system DnsSd for tests: takes commands from its standard input, one a line, words
// separated by tabs, and prints what it is called back with, in the same form. Text of others goes
// through printable().
//
//   publish NAME PORT SUBTYPE,SUBTYPE TEXT...   update NAME PORT SUBTYPE,SUBTYPE TEXT...
//   unpublish   browse TYPE   unbrowse   watch   tick   flood COUNT   stress MILLISECONDS   quit
//
// What is browsed is resolved too. "watch" says what a Browser does. "tick" answers at once, from
// the loop. "stress" begins, ends and destroys things of several DnsSds in any order, from
// callbacks too, and says "stressed" after that time.
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "echostream/base/printable.h"
#include "echostream/base/task_group.h"
#include "echostream/discovery/browser.h"
#include "echostream/discovery/dns_sd.h"
#include "echostream/loop.h"

namespace echostream::discovery {
namespace {

constexpr std::size_t kMostResolved = 256;

using Words = std::vector<std::string>;

void say(const Words& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : "\t") + printable(word);
  std::puts(line.c_str());
  std::fflush(stdout);
}

Words split(const std::string& text, char separator) {
  Words words(1);
  for (const char c : text) {
    if (c == separator) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

// Does random things with several DnsSds.
class Stress final : public TimerNode {
 public:
  Stress(Loop& loop, Duration duration) : loop_(loop), end_(loop.now() + duration) {
    loop_.arm(*this, loop_.now());
  }

 private:
  struct Slot {
    std::shared_ptr<DnsSd> dns_sd;
    std::vector<std::unique_ptr<Pending>> running;
  };

  void on_timer(LocalTime now) override {
    if (now >= end_) {
      slots_ = {};
      return say({"stressed"});
    }
    act(slots_[random() % slots_.size()]);
    loop_.arm(*this, now + std::chrono::microseconds(random() % 5000));
  }
  unsigned random() { return random_ = random_ * 1664525U + 1013904223U, random_ >> 16; }
  void act(Slot& slot) {
    if (slot.dns_sd == nullptr) slot.dns_sd = make_system_dns_sd(loop_);
    switch (random() % 8) {
      case 0:  // what runs outlives it, for a while
        return slot.dns_sd.reset();
      case 1:
        return slot.running.clear();
      case 2:
        slot.running.push_back(
            slot.dns_sd->watch_status([this, &slot](const Status&) { react(slot); }));
        return;
      case 3: {
        Registration registration;
        registration.name = "stress " + std::to_string(random() % 4);
        registration.port = 1;
        auto published =
            slot.dns_sd->publish(registration, [this, &slot](const Status&) { react(slot); });
        registration.txt = {"v=1"};
        if (random() % 2 == 0) published->update(registration);
        slot.running.push_back(std::move(published));
        return;
      }
      default:
        slot.running.push_back(slot.dns_sd->browse(kServiceType, [this, &slot](
                                                                     Result<InstanceEvent> event) {
          if (event && event->kind == InstanceEvent::Kind::kAppeared && slot.dns_sd != nullptr) {
            slot.running.push_back(slot.dns_sd->resolve(
                event->instance, [this, &slot](Result<ResolvedInstance>) { react(slot); }));
          }
          react(slot);
        }));
        if (slot.running.size() > 50) slot.running.clear();
    }
  }
  void react(Slot& slot) {
    if (random() % 8 == 0) slot.running.clear();  // this callback's own among them
    if (random() % 16 == 0) slot.dns_sd.reset();
  }

  Loop& loop_;
  LocalTime end_;
  unsigned random_ = 1;
  std::array<Slot, 4> slots_;
};

class Driver {
 public:
  explicit Driver(Loop& loop) : loop_(loop), dns_sd_(make_system_dns_sd(loop)), tasks_(loop) {
    status_ = dns_sd_->watch_status([](const Status& status) {
      say({"status", status.to_string()});
    });
    input_ = *loop.watch_fd(STDIN_FILENO, true, false, [this] { read(); });
  }

 private:
  void read() {
    std::array<char, 4096> bytes;
    const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (got <= 0) return quit();
    buffer_.append(bytes.data(), static_cast<std::size_t>(got));
    for (std::size_t end; (end = buffer_.find('\n')) != std::string::npos;) {
      const Words words = split(buffer_.substr(0, end), '\t');
      buffer_.erase(0, end + 1);
      run(words);
    }
  }
  void run(const Words& words) {
    const std::string& command = words.front();
    if (command == "publish") publish(words);
    if (command == "update" && publication_ != nullptr) publication_->update(registration(words));
    if (command == "unpublish") publication_.reset();
    if (command == "browse") browse(words.at(1));
    if (command == "unbrowse") unbrowse();
    if (command == "watch") tasks_.spawn(watch());
    if (command == "tick") say({"tick"});
    if (command == "flood") flood(std::atoi(words.at(1).c_str()));
    if (command == "stress") {
      stress_ = std::make_unique<Stress>(loop_,
                                         std::chrono::milliseconds(std::atoi(words.at(1).c_str())));
    }
    if (command == "quit") quit();
  }
  static Registration registration(const Words& words) {
    Registration registration;
    registration.name = words.at(1);
    registration.port = static_cast<std::uint16_t>(std::atoi(words.at(2).c_str()));
    if (words.size() > 3 && !words[3].empty()) registration.subtypes = split(words[3], ',');
    if (words.size() > 4) registration.txt.assign(words.begin() + 4, words.end());
    return registration;
  }
  void publish(const Words& words) {
    publication_ = dns_sd_->publish(registration(words), [](const Status& status) {
      say({"published", status.to_string()});
    });
  }
  void browse(const std::string& type) {
    browsing_ = dns_sd_->browse(type, [this](Result<InstanceEvent> event) {
      if (!event) return say({"browse-error", event.error().to_string()});
      const Instance& instance = event->instance;
      switch (event->kind) {
        case InstanceEvent::Kind::kAllForNow:
          return say({"all"});
        case InstanceEvent::Kind::kGone:
          resolving_.erase(instance);
          return say({"gone", instance.name});
        case InstanceEvent::Kind::kAppeared:
          say({"appeared", instance.name, instance.type, instance.domain});
          return resolve(instance);
      }
    });
  }
  void resolve(const Instance& instance) {
    // As every user of it has to: names are free.
    if (resolving_.size() >= kMostResolved) return;
    resolving_[instance] =
        dns_sd_->resolve(instance, [name = instance.name](Result<ResolvedInstance> found) {
          if (!found) return say({"resolve-error", name, found.error().to_string()});
          Words words = {"resolved", name, found->host, found->address.to_string()};
          words.insert(words.end(), found->txt.begin(), found->txt.end());
          say(words);
        });
  }
  Task<void> watch() {
    browser_ = std::make_unique<Browser>(loop_, dns_sd_);
    while (true) {
      const auto event = co_await browser_->next();
      if (!event && event.error().code() == StatusCode::kCancelled) co_return;
      if (!event) continue;
      constexpr std::array<const char*, 3> kKinds = {"node-appeared", "node-changed", "node-gone"};
      say({kKinds[static_cast<std::size_t>(event->kind)], event->node.name, event->node.node_id});
    }
  }
  // More than the daemon takes of one client.
  void flood(int count) {
    for (int i = 0; i < count; ++i) {
      flood_.push_back(dns_sd_->browse(kServiceType, [](Result<InstanceEvent> event) {
        if (!event) say({"flood-error", event.error().to_string()});
      }));
    }
  }
  void unbrowse() {
    browsing_.reset();
    resolving_.clear();
    flood_.clear();
  }
  void quit() {
    input_.reset();
    stress_.reset();
    browser_.reset();
    publication_.reset();
    unbrowse();
    status_.reset();
    dns_sd_.reset();
    say({"ended"});
    loop_.stop();
  }

  Loop& loop_;
  std::shared_ptr<DnsSd> dns_sd_;
  std::unique_ptr<Pending> status_;
  std::unique_ptr<Pending> input_;
  std::unique_ptr<Publication> publication_;
  std::unique_ptr<Pending> browsing_;
  std::map<Instance, std::unique_ptr<Pending>> resolving_;
  std::vector<std::unique_ptr<Pending>> flood_;
  std::unique_ptr<Stress> stress_;
  std::unique_ptr<Browser> browser_;
  TaskGroup tasks_;
  std::string buffer_;
};

}  // namespace
}  // namespace echostream::discovery

int main() {
  auto loop = echostream::make_loop();
  if (!loop) return 1;
  echostream::discovery::Driver driver(**loop);
  (*loop)->run();
  return 0;
}
