#include <sidestep/operators/collect.hpp>
#include <sidestep/operators/group_by.hpp>
#include <sidestep/operators/to_metric.hpp>
#include <sidestep/operators/zip.hpp>

#include <string>

namespace sidestep::detail {

void too_many_wait(std::string_view who, std::string_view which, std::int64_t capacity) {
  throw OperatorError(std::string(who) + ": " + std::to_string(capacity) + " values of its " + std::string(which) +
                      " wait for their partners, and one more came; say a greater capacity, or thin it out before.");
}

void too_many_collected(std::int64_t most) {
  throw OperatorError("collect: there is room for " + std::to_string(most) +
                      " values, and one more came; say more, or `unbounded`.");
}

void goes_round(const Name& metric, std::int64_t values) {
  throw OperatorError("to_metric: " + std::to_string(values) + " values of '" + std::string(metric.text()) +
                      "' in a row are of one moment. Is it made, itself or by way of others, of what it publishes? Let "
                      "a filter(named(...)) keep it out.");
}

void too_many_groups(std::int64_t most) {
  throw OperatorError(
      "group_by: there are " + std::to_string(most) +
      " groups, as many as at_most allows, and a value has another key; allow more, or say what becomes of it: "
      "at_most(n).dropping() or at_most(n).replacing().");
}

}  // namespace sidestep::detail
