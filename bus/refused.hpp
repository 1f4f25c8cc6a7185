#pragma once

#include <sidestep/bus/event.hpp>

// What a program that hands over something else than an event is told, at its own line and in words: clang++ by an
// attribute, g++ by the name of a type.
// clang-format off
namespace sidestep {

template <Event... E>
struct Source;

template <class... E>
struct an_event_is_trivially_copyable_of_at_most_40_bytes_and_has_an_id_and_a_name {};

namespace detail {

/// A base of whoever takes events. The requires-clauses trail: otherwise the right functions of one name hide them.
struct RefusesOthers {
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgcc-compat"
  template <class... E>
  void publish(const E&...) requires(!(Event<E> && ...))
      __attribute__((diagnose_if(true, "an event is trivially copyable, of at most 40 bytes, and has an id and a name (or SIDESTEP_EVENT(Type, fields...) beside it); what is larger travels as a payload", "error")));
  template <class... E>
  Source<> on() requires(!(Event<E> && ...))
      __attribute__((diagnose_if(true, "an event is trivially copyable, of at most 40 bytes, and has an id and a name (or SIDESTEP_EVENT(Type, fields...) beside it); what is larger travels as a payload", "error")));
#pragma clang diagnostic pop
#else
  template <class... E>
  an_event_is_trivially_copyable_of_at_most_40_bytes_and_has_an_id_and_a_name<E...> publish(const E&...) requires(!(Event<E> && ...)) = delete;
  template <class... E>
  an_event_is_trivially_copyable_of_at_most_40_bytes_and_has_an_id_and_a_name<E...> on() requires(!(Event<E> && ...)) = delete;
#endif
};

}  // namespace detail
}  // namespace sidestep
