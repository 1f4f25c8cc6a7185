#pragma once

#include <ucontext.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// Runs the threads of a small program in every order that a bound on preemptions allows, and lets each load return every value
/// that C++20's memory model allows there: each place has the history of its stores, and a load may see any store that isn't
/// older than one it must have seen (store histories as in CDSChecker: Norris and Demsky, OOPSLA 2013). Places of plain data
/// are checked for races by vector clocks. Modification order is execution order: all of it where a place has one writing thread, as most
/// have; where it has several, orders that no interleaving gives stay unexplored.
namespace sidestep::model {

inline constexpr int most_threads = 3;

/// A line of code that names an ordering.
struct Site {
  std::string_view file;  // static, as std::source_location's
  unsigned line = 0;
  auto operator<=>(const Site&) const = default;
};

struct Violation : std::runtime_error { using std::runtime_error::runtime_error; };

class Explorer {
 public:
  struct Options {
    int preemptions = 3;          ///< switches away from a thread that could have gone on
    bool weak_loads = false;      ///< mutation: every acquire load is relaxed
    bool weak_stores = false;     ///< mutation: every release store is relaxed
    bool weak_acquire_fences = false, weak_release_fences = false;  ///< mutation: fences of this kind are left out
    Site weakened{};              ///< mutation: what this line orders is relaxed
    std::set<Site>* sites = nullptr;  ///< lines that name an ordering other than relaxed are put in here
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
  void fence(std::memory_order order);
  void read_plain(const void* place);
  void write_plain(const void* place);
  /// The ordering that this line has here.
  std::memory_order at(std::source_location where, std::memory_order order) {
    if (order == std::memory_order_relaxed || (options_.sites == nullptr && options_.weakened.line != where.line())) return order;
    const Site site{where.file_name(), where.line()};
    if (options_.sites != nullptr) options_.sites->insert(site);
    return site == options_.weakened ? std::memory_order_relaxed : order;
  }

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
    Times read{};      // what its relaxed loads have read, for its next acquire fence
    Times released{};  // what its relaxed stores carry, since its last release fence
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

/// A program whose orderings are weakened one by one; `explore` throws Violation. Made at namespace scope, beside its own tests.
struct Program {
  using Explore = std::uint64_t (*)(const Explorer::Options&);
  explicit Program(Explore explore) : explore(explore) { all().push_back(this); }
  static std::vector<const Program*>& all() {
    static std::vector<const Program*> programs;
    return programs;
  }
  Explore explore;
};

/// The atomics policy of the bus, instrumented.
struct Atomics {
  using Where = std::source_location;
  static void fence(std::memory_order order, Where where = Where::current()) { one().fence(one().at(where, order)); }
  template <class T>
  static T load(const T& at, std::memory_order order, Where where = Where::current()) {
    return static_cast<T>(one().load(&at, static_cast<std::uint64_t>(at), one().at(where, order)));
  }
  template <class T>
  static void store(T& at, T value, std::memory_order order, Where where = Where::current()) {
    one().store(&at, static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(value), one().at(where, order));
  }
  template <class T>
  static T exchange(T& at, T value, std::memory_order order, Where where = Where::current()) {
    return static_cast<T>(one().exchange(&at, static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(value), one().at(where, order)));
  }

 private:
  static Explorer& one() { return *Explorer::current(); }
};

}  // namespace sidestep::model
