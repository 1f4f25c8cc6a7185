// Each word of device code that the emulation declares, with its types. It has to compile against the stand-ins and,
// by nvcc, against the real headers. device_words_test.py does both, and sees that no word is left out.
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>
#include <utility>
#include <cuda/atomic>

#define SAME(expression, ...) static_assert(std::is_same_v<decltype(expression), __VA_ARGS__>)

using Int = int;
using Unsigned = unsigned int;
using Long = unsigned long long;

/// Exactly these parameters and this result.
template <class Signature>
__device__ void is(Signature*) {}

__device__ void barriers(unsigned mask, int predicate) {
  SAME(__syncthreads(), void);
  SAME(__syncthreads_count(predicate), int);
  SAME(__syncthreads_or(predicate), int);
  SAME(__syncthreads_and(predicate), int);
  SAME(__syncwarp(), void);
  SAME(__syncwarp(mask), void);
  SAME(__threadfence_block(), void);
  SAME(__threadfence(), void);
  SAME(__threadfence_system(), void);
  SAME(__nanosleep(1u), void);
  SAME(__trap(), void);
  SAME(__ballot_sync(mask, predicate), unsigned);
  SAME(__any_sync(mask, predicate), int);
  SAME(__all_sync(mask, predicate), int);
  SAME(__activemask(), unsigned);
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(warpSize)>, int>);
  SAME(threadIdx.x + blockIdx.y + blockDim.z + gridDim.x, unsigned);
}

template <class T>
__device__ void shuffles(unsigned mask, T value, int lane, unsigned delta) {
  SAME(__shfl_sync(mask, value, lane), T);
  SAME(__shfl_sync(mask, value, lane, 16), T);
  SAME(__shfl_up_sync(mask, value, delta), T);
  SAME(__shfl_up_sync(mask, value, delta, 16), T);
  SAME(__shfl_down_sync(mask, value, delta), T);
  SAME(__shfl_down_sync(mask, value, delta, 16), T);
  SAME(__shfl_xor_sync(mask, value, lane), T);
  SAME(__shfl_xor_sync(mask, value, lane, 16), T);
}
template __device__ void shuffles(unsigned, float, int, unsigned);
template __device__ void shuffles(unsigned, double, int, unsigned);
template __device__ void shuffles(unsigned, int, int, unsigned);
template __device__ void shuffles(unsigned, unsigned, int, unsigned);
template __device__ void shuffles(unsigned, unsigned long, int, unsigned);
template __device__ void shuffles(unsigned, unsigned long long, int, unsigned);

template <class T>
__device__ void loads(const T* from, T* to, T value) {
  SAME(__ldg(from), T);
  SAME(__ldcs(from), T);
  SAME(__ldcg(from), T);
  SAME(__stcs(to, value), void);
  SAME(__stcg(to, value), void);
}
template __device__ void loads(const float*, float*, float);
template __device__ void loads(const float4*, float4*, float4);
template __device__ void loads(const uint4*, uint4*, uint4);
template __device__ void loads(const unsigned*, unsigned*, unsigned);

template <class T>
__device__ void atomics() {
  is<T(T*, T)>(&atomicAdd);
  is<T(T*, T)>(&atomicExch);
  is<T(T*, T)>(&atomicAnd);
  is<T(T*, T)>(&atomicOr);
  is<T(T*, T)>(&atomicXor);
  is<T(T*, T)>(&atomicMax);
  is<T(T*, T)>(&atomicMin);
  is<T(T*, T, T)>(&atomicCAS);
}
template __device__ void atomics<Int>();
template __device__ void atomics<Unsigned>();
template __device__ void atomics<Long>();

__device__ void more_atomics() {
  is<float(float*, float)>(&atomicAdd);
  is<double(double*, double)>(&atomicAdd);
  is<int(int*, int)>(&atomicSub);
  is<unsigned(unsigned*, unsigned)>(&atomicSub);
  is<unsigned(unsigned*, unsigned)>(&atomicInc);
}

__device__ void arithmetic(float x, double y) {
  SAME(__expf(x), float);
  SAME(__exp10f(x), float);
  SAME(__logf(x), float);
  SAME(__log2f(x), float);
  SAME(__log10f(x), float);
  SAME(__powf(x, x), float);
  SAME(__sinf(x), float);
  SAME(__cosf(x), float);
  SAME(__tanf(x), float);
  SAME(min(x, x), float);
  SAME(max(x, x), float);
  SAME(min(y, y), double);
  SAME(max(y, y), double);
  is<float(float)>(&rsqrtf);
  is<double(double)>(&rsqrt);
  is<float(float, float)>(&__fdividef);
  is<float(float)>(&__saturatef);
  is<float(float, float)>(&__fadd_rn);
  is<float(float, float)>(&__fsub_rn);
  is<float(float, float)>(&__fmul_rn);
  is<float(float, float)>(&__fdiv_rn);
  is<float(float)>(&__frcp_rn);
  is<float(float)>(&__fsqrt_rn);
  is<float(float)>(&__frsqrt_rn);
  is<float(float, float, float)>(&__fmaf_rn);
  is<double(double, double)>(&__dadd_rn);
  is<double(double, double)>(&__dmul_rn);
  is<double(double, double, double)>(&__fma_rn);
  is<unsigned(unsigned, unsigned)>(&__umulhi);
  is<int(int, int)>(&__mulhi);
  is<Long(Long, Long)>(&__umul64hi);
  is<int(unsigned)>(&__popc);
  is<int(Long)>(&__popcll);
  is<int(int)>(&__clz);
  is<int(long long)>(&__clzll);
  is<int(int)>(&__ffs);
  is<int(long long)>(&__ffsll);
  is<unsigned(unsigned)>(&__brev);
  is<unsigned(float)>(&__float_as_uint);
  is<int(float)>(&__float_as_int);
  is<float(unsigned)>(&__uint_as_float);
  is<float(int)>(&__int_as_float);
  is<long long(double)>(&__double_as_longlong);
  is<double(long long)>(&__longlong_as_double);
  is<int(float)>(&__float2int_rn);
  is<int(float)>(&__float2int_rz);
  is<unsigned(float)>(&__float2uint_rn);
  is<float(int)>(&__int2float_rn);
  is<float(unsigned)>(&__uint2float_rn);
  SAME(clock64(), long long);
}

template <class T>
__device__ void smaller_and_larger(T x) {
  SAME(min(x, x), T);
  SAME(max(x, x), T);
}
template __device__ void smaller_and_larger(int);
template __device__ void smaller_and_larger(unsigned);
template __device__ void smaller_and_larger(long);
template __device__ void smaller_and_larger(unsigned long);
template __device__ void smaller_and_larger(long long);
template __device__ void smaller_and_larger(unsigned long long);

// ---- libcu++

static_assert(cuda::thread_scope_system == 0 && cuda::thread_scope_device == 1 && cuda::thread_scope_block == 2);
SAME(cuda::thread_scope_system, cuda::thread_scope);
SAME(cuda::thread_scope_thread, cuda::thread_scope);
static_assert(static_cast<int>(cuda::memory_order_relaxed) == 0 && static_cast<int>(cuda::memory_order_consume) == 1 &&
              static_cast<int>(cuda::memory_order_acquire) == 2 && static_cast<int>(cuda::memory_order_release) == 3 &&
              static_cast<int>(cuda::memory_order_acq_rel) == 4 && static_cast<int>(cuda::memory_order_seq_cst) == 5);
static_assert(std::is_same_v<cuda::memory_order, cuda::std::memory_order>);
static_assert(cuda::std::memory_order_acquire == cuda::memory_order_acquire);

/// What std::atomic's members, and those of its reference, have to be.
template <class Atomic, class T>
constexpr bool has_members() {
  const cuda::memory_order order = cuda::memory_order_relaxed;
  using std::declval;
#define MEMBER(call, ...)                     \
  SAME(declval<Atomic&>().call, __VA_ARGS__); \
  static_assert(noexcept(declval<Atomic&>().call))
  MEMBER(load(), T);
  MEMBER(load(order), T);
  MEMBER(store(T{}), void);
  MEMBER(store(T{}, order), void);
  MEMBER(exchange(T{}, order), T);
  MEMBER(compare_exchange_weak(declval<T&>(), T{}, order, order), bool);
  MEMBER(compare_exchange_strong(declval<T&>(), T{}, order, order), bool);
  MEMBER(compare_exchange_strong(declval<T&>(), T{}, order), bool);
  MEMBER(fetch_add(T{}, order), T);
  MEMBER(fetch_sub(T{}, order), T);
  MEMBER(fetch_and(T{}, order), T);
  MEMBER(fetch_or(T{}, order), T);
  MEMBER(fetch_xor(T{}, order), T);
  MEMBER(is_lock_free(), bool);
#undef MEMBER
  return true;
}

template <class T>
constexpr bool has_atomics() {
  using Reference = cuda::atomic_ref<T, cuda::thread_scope_system>;
  static_assert(std::is_same_v<Reference, cuda::atomic_ref<T>>);
  static_assert(std::is_constructible_v<Reference, T&> && !std::is_convertible_v<T&, Reference>);
  static_assert(std::is_copy_constructible_v<Reference> && !std::is_copy_assignable_v<Reference>);
  SAME(std::declval<const Reference&>().fetch_max(T{}, cuda::memory_order_relaxed), T);
  SAME(std::declval<const Reference&>().fetch_min(T{}, cuda::memory_order_relaxed), T);
  using Whole = cuda::atomic<T, cuda::thread_scope_device>;
  static_assert(sizeof(Whole) == sizeof(T) && alignof(Whole) == alignof(T));
  static_assert(!std::is_copy_constructible_v<Whole> && std::is_default_constructible_v<Whole>);
  return has_members<const Reference, T>() && has_members<Whole, T>() &&
         has_members<cuda::atomic_ref<T, cuda::thread_scope_block>, T>() && has_members<cuda::std::atomic<T>, T>();
}
static_assert(has_atomics<std::uint64_t>());
static_assert(has_atomics<std::uint32_t>());
static_assert(has_atomics<int>());

__device__ void fences() {
  SAME(cuda::atomic_thread_fence(cuda::memory_order_release), void);
  SAME(cuda::atomic_thread_fence(cuda::memory_order_release, cuda::thread_scope_device), void);
}
