#pragma once

#include <ucontext.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

/// Runs the threads of a small program in every order that a bound on preemptions allows, and lets each load return every value
/// that C++20's memory model allows there: each place has the history of its stores, and a load may see any store that isn't
/// older than one it must have seen (store histories as in CDSChecker: Norris and Demsky, OOPSLA 2013). Places of plain data
/// are checked for races by vector clocks. Modification order is execution order: all of it where a place has one writing thread, as most
/// have; where it has several, orders that no interleaving gives stay unexplored.
namespace sidestep::model {

inline constexpr int most_threads = 3;

struct Violation : std::runtime_error { using std::runtime_error::runtime_error; };

class Explorer {
 public:
  struct Options {
    int preemptions = 3;          ///< switches away from a thread that could have gone on
    bool weak_loads = false;      ///< mutation: every acquire load is relaxed
    bool weak_stores = false;     ///< mutation: every release store is relaxed
    std::uint64_t executions = 20'000'000;  ///< the stated bound; reaching it is an error
  };

  explicit Explorer(Options options) : options_(options) {}

  /// Explores; `program` is called for each execution and returns its threads. Returns how many executions there were.
  /// Throws Violation with what went wrong first.
  std::uint64_t run(const std::function<std::vector<std::function<void()>>()>& program);

  // What instrumented code calls, on a thread of the program.
  std::uint64_t load(const void* place, std::uint64_t initial, std::memory_order order);
  void store(const void* place, std::uint64_t initial, std::uint64_t value, std::memory_order order);
  /// Reads the newest value, as every read-modify-write does.
  std::uint64_t exchange(const void* place, std::uint64_t initial, std::uint64_t value, std::memory_order order);
  void read_plain(const void* place);
  void write_plain(const void* place);
  /// Nothing to do until another thread has stored something.
  void wait();
  void check(bool holds, const char* what) { if (!holds) throw Violation(what); }

  static Explorer*& current() {
    static Explorer* explorer = nullptr;
    return explorer;
  }

 private:
  using Times = std::array<int, most_threads>;
  struct Store { std::uint64_t value; int thread; int time; Times carries; };
  struct Place { std::vector<Store> history; std::array<std::size_t, most_threads> floor{}; };
  struct Plain { int writer = -1, written = 0; Times read{}; };
  struct Thread {
    ucontext_t context{};
    std::vector<char> stack = std::vector<char>(64 * 1024);
    std::function<void()> body;
    Times times{};
    bool done = false, waiting = false, fresh = false;
  };

  void execute(std::vector<std::function<void()>> bodies);
  int choose(int options);
  bool next_path();
  void step();
  Place& place(const void* at, std::uint64_t initial);
  static void join(Times& into, const Times& from) {
    for (int i = 0; i < most_threads; ++i) into[i] = std::max(into[i], from[i]);
  }
  static void enter();

  Options options_;
  std::vector<std::pair<int, int>> path_;  // (chosen, of how many)
  std::size_t depth_ = 0;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::map<const void*, Place> places_;
  std::map<const void*, Plain> plain_;
  ucontext_t main_{};
  int running_ = 0, preempted_ = 0;
  std::string error_;
};

/// The atomics policy of BasicRing, instrumented.
struct Atomics {
  template <class T>
  static T load(const T& at, std::memory_order order) {
    return static_cast<T>(Explorer::current()->load(&at, static_cast<std::uint64_t>(at), order));
  }
  template <class T>
  static void store(T& at, T value, std::memory_order order) {
    Explorer::current()->store(&at, static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(value), order);
  }
  template <class T>
  static T exchange(T& at, T value, std::memory_order order) {
    return static_cast<T>(
        Explorer::current()->exchange(&at, static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(value), order));
  }
};

}  // namespace sidestep::model
