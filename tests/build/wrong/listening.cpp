// Listening to an event that is larger than a slot.
// clang-format off
#include <sidestep/sidestep.hpp>

struct Image {
  static constexpr sidestep::EventId id = sidestep::first_user_event + 1;
  static constexpr std::string_view name = "Image";
  float pixels[784];
};

int main() {
  sidestep::Bus bus;
  bus.on<Image, sidestep::Metric>()  // expect-error-line
      | sidestep::subscribe([](const auto&) {});
}
