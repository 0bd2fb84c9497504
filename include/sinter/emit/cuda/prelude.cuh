R"cuda(
// All that kernels use of CUDA, without its headers: types, threads, memory, arithmetic, conversions, matrix units.
#ifndef SINTER_CUDA_PRELUDE  // defined by what stands in for it on a CPU

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

struct alignas(16) vec4 {
  float x, y, z, w;
};

#define DEVICE __device__ __forceinline__
#define KERNEL(threads) extern "C" __global__ __launch_bounds__(threads)
// The dynamic shared memory of the block.
#define SHARED_MEMORY(type, name)                                \
  extern __shared__ __align__(128) unsigned char shared_bytes[]; \
  type* const name = (type*)shared_bytes

// Threads: a block is one row of them.
DEVICE u32 thread() { return threadIdx.x; }
DEVICE u32 block(int axis) { return axis == 0 ? blockIdx.x : axis == 1 ? blockIdx.y : blockIdx.z; }
DEVICE u32 blocks(int axis) { return axis == 0 ? gridDim.x : axis == 1 ? gridDim.y : gridDim.z; }
DEVICE void barrier() { __syncthreads(); }
DEVICE void warp_barrier() { __syncwarp(); }
DEVICE float shuffle_xor(float value, int mask) { return __shfl_xor_sync(0xffffffffu, value, mask); }
DEVICE u32 shuffle_xor(u32 value, int mask) { return __shfl_xor_sync(0xffffffffu, value, mask); }
DEVICE float shuffle_down(float value, int lanes) { return __shfl_down_sync(0xffffffffu, value, lanes); }
DEVICE float shuffle(float value, int lane) { return __shfl_sync(0xffffffffu, value, lane); }

// Launches that overlap: memory of the kernel before is there after the wait.
DEVICE void wait_for_previous_kernel() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
DEVICE void let_next_kernel_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// Memory: loads through the read-only cache; 16 bytes at once.
template <class T>
DEVICE T load(T const* from) {
  return __ldg(from);
}
DEVICE vec4 load_vec4(float const* from) {
  vec4 v;
  asm("ld.global.nc.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "l"(from));
  return v;
}
DEVICE void store_vec4(float* to, vec4 v) {
  asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(to), "f"(v.x), "f"(v.y), "f"(v.z), "f"(v.w) : "memory");
}

// Between blocks: what was stored before a fence is seen by whoever sees what was stored after it; loads that see it.
DEVICE void fence() { __threadfence(); }
DEVICE u32 atomic_add(u32* to, u32 value) { return atomicAdd(to, value); }
DEVICE float load_coherent(float const* from) {
  float r;
  asm volatile("ld.global.cg.f32 %0, [%1];" : "=f"(r) : "l"(from) : "memory");
  return r;
}

// Arithmetic, rounded correctly; subnormal numbers are kept.
DEVICE float fma(float a, float b, float c) { return __fmaf_rn(a, b, c); }
DEVICE float divide(float a, float b) { return __fdiv_rn(a, b); }
DEVICE float square_root(float a) { return __fsqrt_rn(a); }
DEVICE float round_even(float a) {
  float r;
  asm("cvt.rni.f32.f32 %0, %1;" : "=f"(r) : "f"(a));
  return r;
}
DEVICE float round_down(float a) {
  float r;
  asm("cvt.rmi.f32.f32 %0, %1;" : "=f"(r) : "f"(a));
  return r;
}
DEVICE u32 bits_of(float value) { return __float_as_uint(value); }
DEVICE float float_of(u32 bits) { return __uint_as_float(bits); }

// Numbers of 16 bits, to nearest even. Pairs: `low` in the lower half.
DEVICE float half_to_float(u16 h) {
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h));
  return f;
}
DEVICE u16 float_to_half(float f) {
  u16 h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f));
  return h;
}
DEVICE u32 floats_to_half2(float low, float high) {
#if __CUDA_ARCH__ >= 800
  u32 r;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
#else
  return float_to_half(low) | (u32)float_to_half(high) << 16;
#endif
}
DEVICE float bfloat16_to_float(u16 h) { return float_of((u32)h << 16); }
DEVICE u16 float_to_bfloat16(float f) {
  u32 const bits = bits_of(f);
  return f != f ? 0x7fff : (u16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
DEVICE u32 floats_to_bfloat162(float low, float high) {
#if __CUDA_ARCH__ >= 800
  u32 r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
#else
  return float_to_bfloat16(low) | (u32)float_to_bfloat16(high) << 16;
#endif
}

// Copies from global to shared memory that go on while the thread computes; zeros where not valid. A thread commits
// what it started as one group; after wait_copies<N> all but its last N groups are done.
DEVICE u32 shared_address(void const* p) { return (u32)__cvta_generic_to_shared(p); }
#if __CUDA_ARCH__ >= 800
DEVICE void copy_async16(void* to, void const* from, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(valid ? 16 : 0)
               : "memory");
}
DEVICE void copy_async4(void* to, void const* from, bool valid) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(to)), "l"(from), "r"(valid ? 4 : 0)
               : "memory");
}
DEVICE void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N>
DEVICE void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}
#else
DEVICE void copy_async16(void* to, void const* from, bool valid) {
  *(vec4*)to = valid ? *(vec4 const*)from : vec4{0, 0, 0, 0};
}
DEVICE void copy_async4(void* to, void const* from, bool valid) { *(u32*)to = valid ? *(u32 const*)from : 0; }
DEVICE void commit_copies() {}
template <int N>
DEVICE void wait_copies() {}
#endif

// Matrix units, a warp at a time. Four 8x8 matrices of 16-bit numbers, lane l names row l % 8 of matrix l / 8; lane l
// gets elements 2 * (l % 4) and the next one of row l / 4 of each.
DEVICE void load_matrix4(u32 (&r)[4], void const* shared) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(shared))
               : "memory");
}
// d += a * b, 16x16 by 16x8.
DEVICE void mma_f16(float (&d)[4], u32 const (&a)[4], u32 b0, u32 b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
#define MMA_K8(a0, a1, b)                                                                                             \
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};" \
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                                       \
               : "r"(a0), "r"(a1), "r"(b))
  MMA_K8(a[0], a[1], b0);
  MMA_K8(a[2], a[3], b1);
#undef MMA_K8
#endif
}
// The following need sm_80.
DEVICE void mma_bf16(float (&d)[4], u32 const (&a)[4], u32 b0, u32 b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}
// d += a * b, 16x8 by 8x8, of numbers rounded by to_tf32.
DEVICE void mma_tf32(float (&d)[4], u32 const (&a)[4], u32 b0, u32 b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}
DEVICE u32 to_tf32(float value) {
  u32 r = bits_of(value);
#if __CUDA_ARCH__ >= 800
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(value));
#endif
  return r;
}
#endif
)cuda"
