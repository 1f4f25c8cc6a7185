// A stage of two chains that keeps events with a payload, in a pipeline that is part of a checkpoint.
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
  combine_latest(bus.on<Image>(), bus.on<sidestep::BatchEnd>(), [](const Image& image, const sidestep::BatchEnd&) { return image.step; })
      | sidestep::decide(control, [](sidestep::Step) { return sidestep::Stop{"enough"}; });  // expect-error-line
}
