#include "echostream/base/call_context.h"

namespace echostream {

CallContext::~CallContext() {
  while (first_ != nullptr) first_->unlisten();
}

void CallContext::cancel() {
  if (cancelled_) return;
  cancelled_ = true;
  if (stop_source_) stop_source_->request_stop();
  while (first_ != nullptr) {
    Listener& listener = *first_;
    listener.unlisten();
    listener.on_cancel();
  }
}

void CallContext::listen(Listener& listener) noexcept {
  listener.unlisten();
  listener.context_ = this;
  listener.previous_ = nullptr;
  listener.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &listener;
  first_ = &listener;
}

std::stop_token CallContext::stop_token() {
  if (!stop_source_) {
    stop_source_.emplace();
    if (cancelled_) stop_source_->request_stop();
  }
  return stop_source_->get_token();
}

void CallContext::Listener::unlisten() noexcept {
  if (context_ == nullptr) return;
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ != nullptr ? previous_->next_ : context_->first_) = next_;
  context_ = nullptr;
  next_ = previous_ = nullptr;
}

}  // namespace echostream
