// An event that is described when it has been asked for already: the answer stands.
// expect-words: before anything asks whether that is an event
#include <sidestep/bus.hpp>

struct Early { long step; };
static_assert(!sidestep::Event<Early>);
SIDESTEP_EVENT(Early, step)  // expect-error-line

int main() {}
