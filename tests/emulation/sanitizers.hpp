#pragma once

/// Which sanitizers this test is built with.

#ifndef __has_feature  // g++ 12 says it by macros
#define __has_feature(x) 0
#endif

namespace sidestep::test {

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
inline constexpr bool thread_sanitizer = true;
#else
inline constexpr bool thread_sanitizer = false;
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
inline constexpr bool address_sanitizer = true;
#else
inline constexpr bool address_sanitizer = false;
#endif

/// g++'s UBSan names misaligned vectors, clang's doesn't: the program with planted faults has it in plain builds.
#ifdef __clang__
inline constexpr bool alignment_sanitizer = false;
#else
inline constexpr bool alignment_sanitizer = true;
#endif

}  // namespace sidestep::test
