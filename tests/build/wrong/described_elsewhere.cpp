// An event that is described in another namespace than its own, where nobody looks.
// expect-words: stands in its type's namespace
#include <sidestep/bus.hpp>

namespace radar {
struct Echo { long step; };
}
SIDESTEP_EVENT(radar::Echo, step)  // expect-error-line

int main() {}
