#include "tests/soak/soak_world.h"

#include <utility>

#include "tests/sim/piece_check.h"
#include "tests/soak/soak_users.h"

namespace echostream::testing {

using namespace std::chrono_literals;
using traffic::v1::Answer;
using traffic::v1::Note;
using traffic::v1::Question;

namespace {

constexpr const char* kServer = "10.0.0.1:4433";

// Memory of the past that a checker keeps: more than can be under way at once.
constexpr std::size_t kRemembered = 1000;

}  // namespace

Task<Result<Answer>> SoakHandler::Ask(Call&, Question request) {
  EXPECT_TRUE(answered_.insert(request.id()).second) << "question " << request.id() << " ran twice";
  if (answered_.size() > kRemembered) answered_.erase(answered_.begin());
  if (request.work_ms() > 0) {
    (void)co_await sleep_for(std::chrono::milliseconds(request.work_ms()));
  }
  Answer answer;
  answer.set_id(request.id());
  answer.set_payload(request.payload());
  co_return answer;
}

Task<Status> SoakHandler::Tell(Call&, Note note) {
  const std::int64_t teller = note.number() / 1'000'000;
  EXPECT_EQ(note.number() % 1'000'000, notes_[teller]++) << "a note was lost, or came twice";
  if (notes_.size() > kRemembered) notes_.erase(notes_.begin());
  ++world_.tally.events;
  co_return Status::ok();
}

SoakWorld::SoakWorld(std::uint64_t seed, std::size_t count) : sim(seed) {
  server.name = "server";
  server.address = 1;
  start(server);
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<Member>());
    clients.back()->name = "client" + std::to_string(i);
    clients.back()->address = static_cast<std::uint8_t>(i + 2);
    start(*clients.back());
  }
}

SoakWorld::~SoakWorld() {
  for (const auto& client : clients) stop(*client);
  stop(server);
}

void SoakWorld::start(Member& member) {
  if (member.loop == nullptr) {
    member.loop = &sim.add_node(member.name, SocketAddress::ipv4({10, 0, 0, member.address}, 0));
    member.handler = std::make_shared<SoakHandler>(*this, sim, *member.loop);
  }
  member.tasks = std::make_unique<TaskGroup>(*member.loop);
  NodeOptions options;
  options.log = [](LogLevel, std::string_view) {};
  if (&member == &server) {
    options.identity = fixed_size_identity();
    options.on_session = [this](const Session& session) {
      spawn_users(*server.tasks, *this, server, session);
    };
  } else {
    options.trust = Trust::pinned({fixed_size_identity().fingerprint()});
  }
  member.node = std::make_unique<Node>(*member.loop, std::move(options));
  EXPECT_TRUE(member.node->serve(member.handler).is_ok());
  member.tasks->spawn(publish(member));
  if (&member == &server) {
    EXPECT_TRUE(member.node->listen(kServer));
  } else {
    member.tasks->spawn(live(member));
  }
}

void SoakWorld::stop(Member& member) {
  member.tasks.reset();
  member.session.reset();
  member.node.reset();
}

void SoakWorld::restart(Member& member, Duration pause) {
  stop(member);
  sim.run_for(pause);
  start(member);
}

void SoakWorld::set_link(Member& client, const LinkOptions& to_server,
                         const LinkOptions& to_client) {
  sim.set_link_one_way(client.name, server.name, to_server);
  sim.set_link_one_way(server.name, client.name, to_client);
  const Duration before = std::exchange(client.from_server, longest_path(to_client));
  client.handler->path = std::max(client.from_server, before);
  client.to_server_before = std::exchange(client.to_server, longest_path(to_server));
  server.handler->path = {};
  for (const auto& each : clients) {
    server.handler->path =
        std::max({server.handler->path, each->to_server, each->to_server_before});
  }
}

namespace {

Task<void> move_away(Session session) {
  Task<Status> migrating = session.migrate();
  // Over a bad link it may fail, and then the old path is kept.
  (void)co_await std::move(migrating);
}

}  // namespace

void SoakWorld::migrate(Member& client) {
  if (client.session) client.tasks->spawn(move_away(*client.session));
}

bool SoakWorld::all_connected() const {
  for (const auto& client : clients) {
    if (!client->session || !client->session->is_open()) return false;
  }
  return true;
}

Task<void> SoakWorld::publish(Member& me) {
  for (;;) {
    Note note;
    note.set_number(me.news++);
    me.handler->PublishNews(note);
    (void)co_await sleep_for(3s);
  }
}

Task<void> SoakWorld::live(Member& me) {
  for (;;) {
    Task<Result<Session>> dialling = me.node->connect(kServer);
    auto session = co_await std::move(dialling);
    if (!session) {
      ++tally.failed_dials;
      (void)co_await sleep_for(1s);
      continue;
    }
    ++tally.sessions;
    me.session = *session;
    TaskGroup users(*me.loop);
    spawn_users(users, *this, me, *session);
    (void)co_await session->wait_closed();
    me.session.reset();
    // Those that wait for something hear of it at once; those that pause, after their pause.
    for (int i = 0; i < 25 && users.size() > 0; ++i) (void)co_await sleep_for(1s);
    EXPECT_EQ(users.size(), 0u) << "users that still wait for a session that is gone";
  }
}

}  // namespace echostream::testing
