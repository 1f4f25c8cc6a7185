#pragma once

#include <ucontext.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>
#include <version>
#ifdef __cpp_lib_source_location
#include <source_location>
#endif

/// Runs the threads of a small program in every order that a bound on preemptions allows, and lets each load return
/// every value that C++20's memory model allows there: each place has the history of its stores, and a load may see any
/// store that isn't older than one it must have seen (store histories as in CDSChecker: Norris and Demsky, OOPSLA
/// 2013). Places of plain data are checked for races by vector clocks. Modification order is execution order: all of it
/// where a place has one writing thread, as most have; where it has several, orders that no interleaving gives stay
/// unexplored.
namespace sidestep::model {

inline constexpr int most_threads = 3;

#ifdef __cpp_lib_source_location
using Where = std::source_location;
#else
/// What std::source_location is, for Clang 14.
class Where {
 public:
  static constexpr Where current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE(),
                                 unsigned column = __builtin_COLUMN()) noexcept {
    return {file, line, column};
  }
  constexpr const char* file_name() const noexcept { return file_; }
  constexpr unsigned line() const noexcept { return line_; }
  constexpr unsigned column() const noexcept { return column_; }

 private:
  constexpr Where(const char* file, unsigned line, unsigned column) noexcept
      : file_(file), line_(line), column_(column) {}
  const char* file_;
  unsigned line_, column_;
};
#endif

/// A place in the code that names an ordering. One that is both acquire and release is two of them.
struct Site {
  std::string_view file;  // static
  unsigned line = 0, column = 0;
  std::memory_order half = std::memory_order_relaxed;  ///< what is taken away from one that is both
  auto operator<=>(const Site&) const = default;
};

struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Explorer {
 public:
  struct Options {
    int preemptions = 3;       ///< switches away from a thread that could have gone on
    bool weak_loads = false;   ///< mutation: every acquire load is relaxed
    bool weak_stores = false;  ///< mutation: every release store is relaxed
    bool weak_acquire_fences = false, weak_release_fences = false;  ///< mutation: fences of this kind are left out
    /// Mutation: a read-modify-write is a load and a store, and goes on with no release sequence.
    bool plain_modifications = false;
    Site weakened{};                        ///< mutation: what this place orders is relaxed
    std::set<Site>* sites = nullptr;        ///< places that name an ordering other than relaxed are put in here
    std::uint64_t executions = 20'000'000;  ///< the stated bound; reaching it is an error
  };

  explicit Explorer(Options options) : options_(options) {}

  /// Explores; `program` is called for each execution and returns its threads. Returns how many executions there were.
  /// Throws Violation with what went wrong first.
  std::uint64_t run(const std::function<std::vector<std::function<void()>>()>& program);

  // What instrumented code calls, on a thread of the program.
  std::uint64_t load(const void* place, std::uint64_t initial, std::memory_order order);
  void store(const void* place, std::uint64_t initial, std::uint64_t value, std::memory_order order);
  // Read-modify-writes: they read the newest value.
  std::uint64_t exchange(const void* place, std::uint64_t initial, std::uint64_t value, std::memory_order order);
  std::uint64_t add(const void* place, std::uint64_t initial, std::uint64_t value, std::memory_order order);
  /// False: another value than `expected` was there, and is in it now (relaxed).
  bool compare_exchange(const void* place, std::uint64_t initial, std::uint64_t& expected, std::uint64_t value,
                        std::memory_order order);
  void fence(std::memory_order order);
  /// Plain data for its own threads, relaxed words for who reads along. Raced for as `to`.
  void copy(std::uint64_t* to, const std::uint64_t* from, std::size_t words);
  void read_plain(const void* place);
  void write_plain(const void* place);
  /// The ordering that this place has here.
  std::memory_order at(Where where, std::memory_order order) {
    if (order == std::memory_order_relaxed || (options_.sites == nullptr && options_.weakened.line != where.line()))
      return order;
    Site site{where.file_name(), where.line(), where.column()};
    if (order != std::memory_order_acq_rel) {
      if (options_.sites != nullptr) options_.sites->insert(site);
      return site == options_.weakened ? std::memory_order_relaxed : order;
    }
    for (const auto& [half, other] : {std::pair(std::memory_order_acquire, std::memory_order_release),
                                      std::pair(std::memory_order_release, std::memory_order_acquire)}) {
      site.half = half;
      if (options_.sites != nullptr) options_.sites->insert(site);
      if (site == options_.weakened) return other;
    }
    return order;
  }

  /// Nothing to do until another thread has stored something.
  void wait();
  /// Looks until `holds()`. A look in vain that has stored nothing may as well not have been: one that reads an old
  /// value while there is a newer one isn't explored any further, and behind one that doesn't, only a store at a place
  /// that it looked at makes it look again.
  template <class Holds>
  void until(Holds&& holds) {
    for (bool done = false; !done;) {
      look();
      looked(done = holds());
    }
  }
  void check(bool holds, const char* what) {
    if (!holds) throw Violation(what);
  }

  static Explorer*& current() {
    static Explorer* explorer = nullptr;
    return explorer;
  }

 private:
  using Times = std::array<int, most_threads>;
  struct Store {
    std::uint64_t value;
    int thread;
    int time;
    Times carries;
  };
  struct Place {
    const void* at = nullptr;
    std::vector<Store> history;
    std::array<std::size_t, most_threads> floor{};
  };
  struct Plain {
    int writer = -1, written = 0;
    Times read{};
  };
  struct Thread {
    ucontext_t context{};
    std::vector<char> stack = std::vector<char>(64 * 1024);
    std::function<void()> body;
    Times times{};
    Times read{};      // what its relaxed loads have read, for its next acquire fence
    Times released{};  // what its relaxed stores carry, since its last release fence
    bool done = false, waiting = false, fresh = false;
    bool looking = false, stale = false, wrote = false;
    std::vector<const void*> looked_at;  // in its last look; none: anything
  };

  void execute(std::vector<std::function<void()>> bodies);
  int choose(int options);
  bool next_path();
  int next_thread();
  void step();
  void look();
  void looked(bool success);
  void stored(const Place& place);
  void race(const char* what);
  void leave();
  std::uint64_t modify(Place& both, std::uint64_t value, std::memory_order order);
  Place& place(const void* at, std::uint64_t initial);
  static void join(Times& into, const Times& from) {
    for (int i = 0; i < most_threads; ++i) into[i] = std::max(into[i], from[i]);
  }
  static void enter();

  Options options_;
  std::vector<std::pair<int, int>> path_;  // (chosen, of how many)
  std::size_t depth_ = 0;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<Place> places_;  // the first `used_`: histories keep their memory
  std::size_t used_ = 0;
  std::map<const void*, Plain> plain_;
  ucontext_t main_{};
  int running_ = 0, count_ = 0, preempted_ = 0;
  bool redundant_ = false;
  std::string error_;
};

/// A program whose orderings are weakened one by one; `explore` throws Violation. Made at namespace scope, beside its
/// own tests.
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
  static void fence(std::memory_order order, Where where = Where::current()) { one().fence(one().at(where, order)); }
  static void copy(std::uint64_t* to, const std::uint64_t* from, std::size_t words) { one().copy(to, from, words); }
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
    return static_cast<T>(
        one().exchange(&at, static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(value), one().at(where, order)));
  }
  template <class T>
  static T add(T& at, T value, std::memory_order order, Where where = Where::current()) {
    return static_cast<T>(
        one().add(&at, static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(value), one().at(where, order)));
  }
  template <class T>
  static bool compare_exchange(T& at, T& expected, T value, std::memory_order order, Where where = Where::current()) {
    auto wanted = static_cast<std::uint64_t>(expected);
    const bool done = one().compare_exchange(&at, static_cast<std::uint64_t>(at), wanted,
                                             static_cast<std::uint64_t>(value), one().at(where, order));
    expected = static_cast<T>(wanted);
    return done;
  }

  /// As std::atomic.
  template <class T>
  class Atomic {
   public:
    constexpr Atomic(T value = {}) noexcept : value_(value) {}
    T load(std::memory_order order, Where where = Where::current()) const {
      return Atomics::load(value_, order, where);
    }
    void store(T value, std::memory_order order, Where where = Where::current()) {
      Atomics::store(value_, value, order, where);
    }
    T exchange(T value, std::memory_order order, Where where = Where::current()) {
      return Atomics::exchange(value_, value, order, where);
    }
    T fetch_add(T value, std::memory_order order, Where where = Where::current()) {
      return Atomics::add(value_, value, order, where);
    }
    bool compare_exchange_strong(T& expected, T value, std::memory_order order, Where where = Where::current()) {
      return Atomics::compare_exchange(value_, expected, value, order, where);
    }

   private:
    T value_;  // the first one: the explorer has those that were stored
  };

 private:
  static Explorer& one() { return *Explorer::current(); }
};

class Mutex {
 public:
  void lock() {
    Explorer::current()->until([&] {
      bool free = false;
      return Atomics::compare_exchange(taken_, free, true, std::memory_order_acquire);
    });
  }
  void unlock() { Atomics::store(taken_, false, std::memory_order_release); }

 private:
  bool taken_ = false;
};

}  // namespace sidestep::model
