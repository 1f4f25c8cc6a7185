// An event's field that is called, so that it lies nowhere in it.
// expect-words: a field is a data member, not a call
#include <sidestep/bus.hpp>

struct View {
  long step;
  long twice() const { return 2 * step; }
};
SIDESTEP_EVENT(View, step, twice())  // expect-error-line

int main() {}
