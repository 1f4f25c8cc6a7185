#include <sidestep/operators/side_by_side.hpp>

namespace sidestep::detail {

void put_together(std::string_view who, PipelineOptions& a, const PipelineOptions& b, bool same_bus) {
  const std::string name(who);
  if (!same_bus) throw OperatorError(name + ": its sources are on different buses; put them on one.");
  if (a.stream != b.stream)
    throw OperatorError(name + ": its sources listen to different streams; say the same from(...) for all.");
  if (a.producer != b.producer)
    throw OperatorError(name + ": its sources listen to different producers; say the same from(...) for all.");
  if (a.overload.policy != b.overload.policy || a.overload.bound != b.overload.bound || a.overload.n != b.overload.n)
    throw OperatorError(name + ": its sources have different overload policies; say the same overload(...) for all.");
  if (a.dispatcher != b.dispatcher)
    throw OperatorError(name + ": its sources are on different dispatchers; say the same on_dispatcher(...) for all.");
  for (const EventId type : b.types)
    if (std::find(a.types.begin(), a.types.end(), type) == a.types.end()) a.types.push_back(type);
  a.wall_time |= b.wall_time;
  if (a.name.empty()) a.name = b.name;
}

}  // namespace sidestep::detail
