// A pipeline that no training loop is behind.
#include <sidestep/bus.hpp>
#include <sidestep/operators.hpp>

using namespace sidestep;

int main() {
  Bus bus;
  int seen = 0;
  bus.on<Metric>() | map(&Metric::value) | filter([](double value) { return value > 1; }) |
      subscribe([&](double) { ++seen; });
  Producer producer = bus.producer("numbers");
  for (const double value : {1.0, 2.0, 3.0}) producer.publish(Metric{.value = value});
  bus.close();
  return seen == 2 ? 0 : 1;
}
