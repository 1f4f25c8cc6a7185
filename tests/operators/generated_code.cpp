// Three chains whose generated code a test looks at (generated_code_test.py): one loop each, without an indirect call.
#include <sidestep/operators.hpp>

using namespace sidestep;

void filter_map_scan(Bus& bus, double* sum) {
  bus.on<BatchEnd>() | filter([](const BatchEnd& e) { return e.loss > 0.25; }) | map(&BatchEnd::loss) |
      scan(0.0, [](double a, double x) { return a + x; }) | subscribe([sum](double x) { *sum += x; });
}

void window_throttle(Bus& bus, double* sum) {
  bus.on<BatchEnd>() | window(count(10)) | mean(&BatchEnd::loss) | throttle(std::chrono::seconds(1)) |
      subscribe([sum](double x) { *sum += x; });
}

/// An operator as a user writes it, without a word about inlining.
struct rising {
  double last = -1e300;
  template <class In>
  using out = In;
  void operator()(double value, auto&& out) {
    if (value > last) out(value);
    last = value;
  }
  void state(auto& archive) { archive(last); }
};

void ten(Bus& bus, double* sum) {
  bus.on<BatchEnd>() | filter([](const BatchEnd& e) { return e.loss > 0.1; }) | map(&BatchEnd::loss) |
      filter(is_finite) | scan(0.0, [](double a, double x) { return 0.9 * a + 0.1 * x; }) | every(2) |
      distinct_until_changed() | window(count(5)) | mean() | rising{} | take(100) |
      subscribe([sum](double x) { *sum += x; });
}
