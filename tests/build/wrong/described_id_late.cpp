// An event's id that comes when another one has been asked for already.
// expect-words: before anything asks whether that is an event
#include <sidestep/bus.hpp>

struct Early { long step; };
SIDESTEP_EVENT(Early, step)
static_assert(sidestep::Event<Early>);
SIDESTEP_EVENT_ID(Early, sidestep::first_user_event + 1)  // expect-error-line

int main() {}
