// An event that isn't trivially copyable, published by a producer.
// expect-words: at most 40 bytes
// clang-format off
#include <sidestep/sidestep.hpp>

struct Note {
  static constexpr sidestep::EventId id = sidestep::first_user_event + 1;
  static constexpr std::string_view name = "Note";
  std::string text;
};

int main() {
  sidestep::Bus bus;
  bus.publish(Note{});  // expect-error-line
}
