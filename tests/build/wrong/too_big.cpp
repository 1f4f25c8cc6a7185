// Listening to an event that is larger than a slot.
// expect-words: at most 40 bytes
// clang-format off
#include <sidestep/sidestep.hpp>

struct Image {
  static constexpr sidestep::EventId id = sidestep::first_user_event + 1;
  static constexpr std::string_view name = "Image";
  float pixels[784];
};

int main() {
  sidestep::Bus bus;
  bus.on<Image>()  // expect-error-line
      | sidestep::subscribe([](const auto&) {});
}
