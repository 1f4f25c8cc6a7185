#pragma once

/// The main function of a suite.

#include <benchmark/benchmark.h>

#include <initializer_list>
#include <string>
#include <vector>

namespace sidestep::bench {

/// Runs what is registered, with flags of its own that the command line overrules. How long and how often belongs here:
/// said at a benchmark (`->Iterations(3)`) it would become part of its name, and no anchored filter would find it.
inline int run(int argc, char** argv, std::initializer_list<const char*> defaults) {
  std::vector<std::string> words(argv, argv + argc);
  words.insert(words.begin() + 1, defaults.begin(), defaults.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
#ifdef NDEBUG
  // Debian builds Google Benchmark with assertions, and it says so of "Library", which isn't ours.
  benchmark::AddCustomContext(
      "sidestep", "built with NDEBUG; \"Library was built as DEBUG\" is Google Benchmark's word about itself");
#endif
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

/// Of suites whose benchmarks measure long enough by themselves.
inline constexpr const char* once = "--benchmark_min_time=0.000001";
/// The peers take turns at random; what is printed is the median of nine.
inline constexpr std::initializer_list<const char*> interleaved = {
    "--benchmark_enable_random_interleaving=true", "--benchmark_repetitions=9",
    "--benchmark_report_aggregates_only=true", "--benchmark_min_time=0.05"};

}  // namespace sidestep::bench
