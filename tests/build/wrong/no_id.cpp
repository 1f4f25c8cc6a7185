// An event without id and name.
// expect-words: an id and a name
// clang-format off
#include <sidestep/sidestep.hpp>

struct Detection { float score; };

int main() {
  sidestep::Bus bus;
  auto producer = bus.producer("camera");
  producer.publish(Detection{});  // expect-error-line
}
