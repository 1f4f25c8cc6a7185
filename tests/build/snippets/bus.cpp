#include <sidestep/operators.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <span>

using namespace sidestep;

namespace first {
void listens() {
  //> #include <sidestep/operators.hpp>
}
}  // namespace first

void reserves(Producer& producer) {
  //> auto e = producer.reserve<BatchEnd>();
}

void sees(Bus& bus) {
  //> each bus.on<BatchEnd>()   
}

void opens(Bus& bus) {
  //> bus.on<Metric, EpochEnd>() | subscribe(
}

void draw(const BatchEnd& e);
void overloaded(Bus& bus) {
  //> bus.on<BatchEnd>().overload(
}

namespace own_type {
//> struct Detection {
}  // namespace own_type

namespace described {
//> struct Gradient {
static_assert(Event<Gradient>);
//> struct Curvature {
static_assert(event_id<Curvature> == first_user_event + 2);
}  // namespace described

namespace payloads {
void fill(std::span<float> image);
void write_png(std::span<const float> image, int width, int height);
//> struct Image {
void publishes(Bus& bus, Producer& producer) {
  //> sidestep::PayloadPool pool(
}
}  // namespace payloads
