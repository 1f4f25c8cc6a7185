#include <sidestep/trainer/control/pending.hpp>

#include <tuple>

namespace sidestep::detail {

PendingRow Taken::row() const {
  return {.due_step = due_step,
          .cause_step = cause_step.value_or(0),
          .segment = segment,
          .pipeline = pipeline,
          .by = by,
          .count = count,
          .decision = std::string(decision.name()),
          .argument = {decision.bytes().begin(), decision.bytes().end()}};
}

bool applied_before(const Taken& a, const Taken& b) noexcept {
  if ((a.restored != 0) != (b.restored != 0)) return a.restored != 0;
  return std::tie(a.restored, a.cause, a.rank, a.count) < std::tie(b.restored, b.cause, b.rank, b.count);
}

std::vector<Taken> Pending::sorted() const {
  std::vector<Taken> all = list_;
  std::sort(all.begin(), all.end(), applied_before);
  return all;
}

}  // namespace sidestep::detail
