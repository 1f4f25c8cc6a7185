// A library that was built from an older declaration of an event. It finds the bus' own functions in the program that
// loads it.
#include <sidestep/bus/producer.hpp>

namespace older {

struct Sighted {
  static constexpr sidestep::EventId id = sidestep::first_user_event + 361;
  static constexpr std::string_view name = "Sighted";
  static constexpr bool self_contained = true;
  sidestep::Step step = 0;
  std::int32_t label = 0;
  float score = 0;
  void fields(auto&& f) const { f("step", step), f("label", label), f("score", score); }
};

extern "C" void publish_sighted(sidestep::Producer& producer) { producer.publish(Sighted{}); }

}  // namespace older
