#include <sidestep/bus/overload.hpp>

#include <sidestep/bus/events.hpp>

namespace sidestep {

bool may_drop(EventId type) noexcept {
  return type >= first_user_event || type == BatchBegin::id || type == BatchEnd::id || type == Metric::id;
}

}  // namespace sidestep
