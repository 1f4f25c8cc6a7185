// What operators cost: the chains beside loops by hand (chains.hpp), statistics over a long window, a thousand
// pipelines (crowd.hpp).
//
// sliding/1000000: mean, variance, least, greatest and 99th percentile of the last million values, all five after each
// value; ns for each value. Of noise; of a random walk and of a falling loss, too, since what a statistic does may hang
// on the values.
#include <chains.hpp>
#include <crowd.hpp>
#include <suite.hpp>

#include <array>
#include <memory>

namespace {
using namespace sidestep;

constexpr std::int64_t window_length = 1'000'000;

/// A pipeline whose window is full, and values for it.
class Sliding {
 public:
  explicit Sliding(const std::function<double(std::int64_t)>& value) {
    for (std::int64_t i = 0; i < 2 * window_length; ++i) values_.push_back(value(i));
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      slots_[i].sequence = i + 1;
      slots_[i].type = BatchEnd::id;
    }
    handle_ = bus_.on<BatchEnd>() | map(&BatchEnd::loss) | window(sliding(window_length)) |
              stats(mean(), variance(), min_of(), max_of(), quantile(0.99)) |
              subscribe([this](const std::array<double, 5>& all) {
                for (const double x : all) sum_ += x;
              });
    for (std::int64_t filled = 0; filled < window_length;) {
      next();
      filled += static_cast<std::int64_t>(slots_.size());
      run();
    }
  }
  /// Puts the next values into the slots.
  void next() {
    for (Slot& slot : slots_) {
      const BatchEnd event{.loss = values_[at_++ % values_.size()]};
      std::memcpy(slot.body, &event, sizeof event);
    }
  }
  void run() {
    for (std::size_t at = 0; at < slots_.size(); at += bench::batch)
      handle_->pipeline().run(std::span(slots_).subspan(at, bench::batch));
  }
  std::size_t events() const { return slots_.size(); }
  double sum() const { return sum_; }

 private:
  std::vector<double> values_;
  std::vector<Slot> slots_{bench::slots_in_ring};
  std::size_t at_ = 0;
  double sum_ = 0;
  Bus bus_{{.thread = false}};
  Handle handle_;
};

void slide(const char* name, std::function<double(std::int64_t)> value) {
  auto made = std::make_shared<std::unique_ptr<Sliding>>();  // by the first that runs, for all repetitions
  benchmark::RegisterBenchmark(name, [made, value = std::move(value)](benchmark::State& state) {
    if (*made == nullptr) *made = std::make_unique<Sliding>(value);
    Sliding& sliding = **made;
    double ns = 0;
    std::uint64_t events = 0;
    for (auto _ : state) {
      sliding.next();
      const double begin = bench::cpu_ns();
      sliding.run();
      ns += bench::cpu_ns() - begin;
      events += sliding.events();
    }
    benchmark::DoNotOptimize(sliding.sum());
    state.counters["ns_per_event"] = ns / static_cast<double>(events);
  });
}

}  // namespace

int main(int argc, char** argv) {
  bench::register_chains();
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  double walk = 0;
  slide("sliding/1000000", [=](std::int64_t) mutable { return 2 + normal(random) / 10; });
  slide("sliding/1000000/walk", [=](std::int64_t) mutable { return walk += normal(random); });
  slide("sliding/1000000/falling", [](std::int64_t i) { return 2.5 / (1 + static_cast<double>(i) * 1e-6); });
  benchmark::RegisterBenchmark("pipelines/1000", bench::thousand_pipelines)->Unit(benchmark::kMillisecond);
  const int status = bench::run(argc, argv, bench::interleaved);
  bench::print_chain_ratios();
  return status;
}
