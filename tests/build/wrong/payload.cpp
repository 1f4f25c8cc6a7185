// A stage that keeps events with a payload, in a pipeline that is part of a checkpoint.
// expect-words: map what you need out of them
// clang-format off
#include <sidestep/sidestep.hpp>

struct Image {
  static constexpr sidestep::EventId id = sidestep::first_user_event + 1;
  static constexpr std::string_view name = "Image";
  sidestep::Step step = 0;
  sidestep::PayloadRef payload{};
};

int main() {
  sidestep::Bus bus;
  sidestep::Control control;
  bus.on<Image>() | sidestep::pairwise()
      | sidestep::decide(control, [](const auto&) { return sidestep::Stop{"enough"}; });  // expect-error-line
}
