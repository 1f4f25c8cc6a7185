#pragma once

#include "operators/driven.hpp"

#include <string>

/// Handlers that publish what they listen to.
namespace sidestep::test {

/// A handler that answers values below `below` with an event of the first input ten greater: what comes out of 1 and 2
/// (in both inputs, if there are two), in order.
template <class Build>
std::string answered(double below, Build build) {
  Bus bus({.thread = false});
  std::string output;
  const auto answer = [&](double value) {
    output += text_of(value) + " ";
    if (value < below) bus.publish(Number{value + 10});
  };
  if constexpr (TakesOne<Build>)
    build(bus.on<Number>() | map(&Number::value)) | subscribe(answer);
  else
    build(input_of<Number>(bus), input_of<OtherNumber>(bus)) | subscribe(answer);
  Producer producer = bus.producer("test");
  for (const double value : {1.0, 2.0}) {
    producer.publish(Number{value});
    if constexpr (!TakesOne<Build>) producer.publish(OtherNumber{value});
    while (bus.poll()) {
    }
  }
  bus.close();
  return output;
}

}  // namespace sidestep::test
