// A fold that keeps an event with a payload, in a pipeline that is part of a checkpoint.
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
  bus.on<Image>() | sidestep::scan(Image{}, [](const Image& a, const Image& b) { return a.step > b.step ? a : b; })
      | sidestep::decide(control, [](const Image&) { return sidestep::Stop{"enough"}; });  // expect-error-line
}
