#include "operators/property.hpp"

#include <rapidcheck.h>

#include <numeric>
#include <ostream>

namespace sidestep::test {

static std::ostream& operator<<(std::ostream& to, const Counterexample& one) {
  return to << "seed " << one.seed << ", " << one.kept.size() << " elements";
}

std::optional<Counterexample> counterexample(
    int rounds, const std::function<std::size_t(std::uint64_t)>& length,
    const std::function<bool(std::uint64_t, const std::vector<std::size_t>&)>& holds) {
  const auto shorter = [](const Counterexample& from) {
    return rc::seq::map(rc::seq::concat(rc::shrink::removeChunks(from.kept)),
                        [seed = from.seed](std::vector<std::size_t>&& kept) {
                          return Counterexample{seed, std::move(kept)};
                        });
  };
  const rc::Gen<Counterexample> drawn([&](const rc::Random& random, int) {
    rc::Random own(random);
    Counterexample one{own.next(), {}};
    one.kept.resize(length(one.seed));
    std::iota(one.kept.begin(), one.kept.end(), std::size_t{0});
    return rc::shrinkable::shrinkRecur(std::move(one), shorter);
  });
  std::optional<Counterexample> found;  // the last that didn't hold is the shortest
  const auto property = [&] {
    const Counterexample one = *drawn;
    if (holds(one.seed, one.kept)) return;
    found = one;
    RC_FAIL("it doesn't hold");
  };
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  const char* const asked = std::getenv("RC_PARAMS");
  if (asked == nullptr) params.seed = 5;  // the same ones each time
  params.maxSuccess = rounds;
  static_cast<void>(rc::detail::checkTestable(property, rc::detail::TestMetadata{}, params));
  return found;
}

}  // namespace sidestep::test
