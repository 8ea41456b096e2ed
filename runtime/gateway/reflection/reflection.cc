#include "echostream/reflection.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/reflection.echostream.h"

#include "grpc/reflection/v1/reflection.echostream.h"
#include "grpc/reflection/v1alpha/reflection.echostream.h"
#include "runtime/gateway/reflection/answer.h"
#include "runtime/gateway/reflection/describe.h"
#include "runtime/gateway/reflection/served_types.h"

namespace echostream {
namespace {

using internal::ServedTypes;

class DescribingService final : public reflection::v1::Reflection::Handler {
 public:
  explicit DescribingService(std::shared_ptr<ServedTypes> types) : types_(std::move(types)) {}

  Task<Result<reflection::v1::DescribeResponse>> Describe(
      Call&, reflection::v1::DescribeRequest request) override {
    co_return internal::describe(*types_, request);
  }

 private:
  const std::shared_ptr<ServedTypes> types_;
};

// One answer at a time: who does not read them is asked for no more.
template <class Request, class Response>
Task<Status> answer_all(std::shared_ptr<ServedTypes> types, Reader<Request> in,
                        Writer<Response> out) {
  internal::ReflectionAnswers<Request, Response> answers(*types);
  for (;;) {
    const std::optional<Frame<Request>> frame = co_await in.next();
    if (!frame) co_return in.status();
    const Response response = answers.answer(frame->message);
    Status written = co_await out.write(response);
    if (!written.is_ok()) co_return written;
  }
}

template <class Handler, class Request, class Response>
class DescriptorService final : public Handler {
 public:
  explicit DescriptorService(std::shared_ptr<ServedTypes> types) : types_(std::move(types)) {}

  Task<Status> ServerReflectionInfo(Call&, Reader<Request> in, Writer<Response> out) override {
    return answer_all<Request, Response>(types_, std::move(in), std::move(out));
  }

 private:
  const std::shared_ptr<ServedTypes> types_;
};

namespace v1 = grpc::reflection::v1;
namespace v1alpha = grpc::reflection::v1alpha;
using ServiceV1 = DescriptorService<v1::ServerReflection::Handler, v1::ServerReflectionRequest,
                                    v1::ServerReflectionResponse>;
using ServiceV1Alpha =
    DescriptorService<v1alpha::ServerReflection::Handler, v1alpha::ServerReflectionRequest,
                      v1alpha::ServerReflectionResponse>;

/// In the node's state: its reflection is ours.
struct IsServed {};

}  // namespace

Status serve_reflection(Node& node) {
  if (node.state().get<IsServed>() != nullptr) return Status::ok();
  const auto types = std::make_shared<ServedTypes>(node);
  const std::vector<std::shared_ptr<Service>> ours = {
      std::make_shared<DescribingService>(types),
      std::make_shared<ServiceV1>(types),
      std::make_shared<ServiceV1Alpha>(types),
  };
  // All or none, as far as that can be told before.
  for (const ServiceInfo* served : node.services()) {
    for (const auto& service : ours) {
      if (service->info().full_name != served->full_name) continue;
      return {StatusCode::kAlreadyExists,
              "this node serves " + std::string(served->full_name) + " already"};
    }
  }
  for (const auto& service : ours) {
    Status status = node.serve(service);
    if (!status.is_ok()) return status;
  }
  node.state().emplace<IsServed>();
  return Status::ok();
}

}  // namespace echostream
