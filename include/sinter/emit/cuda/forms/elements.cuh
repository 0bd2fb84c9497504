R"cuda(
// Elements of tensors as they lie in memory, primitives of functions, and coordinates. Functions compute in float, or
// in s64 or u64 where all elements are integers.

struct half {
  u16 bits;
};
struct bfloat16 {
  u16 bits;
};
struct boolean {
  u8 bits;
};

template <class Pointer>
struct pointed;
template <class T>
struct pointed<T const*> {
  typedef T type;
};
template <class T>
struct pointed<T const* const> : pointed<T const*> {};
template <class Pointer>
using pointed_to = typename pointed<Pointer>::type;

// One element.
template <class T>
DEVICE float load_element(T const* from) {
  return (float)load(from);
}
DEVICE float load_element(half const* from) { return half_to_float(load(&from->bits)); }
DEVICE float load_element(bfloat16 const* from) { return bfloat16_to_float(load(&from->bits)); }
DEVICE float load_element(boolean const* from) { return load(&from->bits) ? 1.0f : 0.0f; }
// Towards zero; the least integer for what fits in none.
DEVICE s64 truncated(float value) {
  return value >= -0x1p63f && value < 0x1p63f ? (s64)value : (s64)0x8000000000000000ull;
}
template <class T>
DEVICE void store_element(T* to, float value) {
  *to = (T)truncated(value);
}
DEVICE void store_element(u64* to, float value) {
  *to = value >= 0x1p63f && value < 0x1p64f ? (u64)value : (u64)truncated(value);
}
DEVICE void store_element(float* to, float value) { *to = value; }
DEVICE void store_element(half* to, float value) { to->bits = float_to_half(value); }
DEVICE void store_element(bfloat16* to, float value) { to->bits = float_to_bfloat16(value); }
DEVICE void store_element(boolean* to, float value) { to->bits = value != 0.0f; }

// One element that is an integer, as an integer of 64 bits, and back.
template <class Integer, class T>
DEVICE void load_integer(Integer& to, T const* from) {
  to = (Integer)load(from);
}
template <class Integer>
DEVICE void load_integer(Integer& to, boolean const* from) {
  to = load(&from->bits) != 0;
}
template <class Integer, class T>
DEVICE void store_integer(T* to, Integer value) {
  *to = (T)value;
}
template <class Integer>
DEVICE void store_integer(half* to, Integer value) {
  to->bits = float_to_half((float)value);
}
template <class Integer>
DEVICE void store_integer(bfloat16* to, Integer value) {
  to->bits = float_to_bfloat16((float)value);
}
template <class Integer>
DEVICE void store_integer(boolean* to, Integer value) {
  to->bits = value != 0;
}

// Four neighbours, aligned as a whole.
template <class T>
DEVICE void load_four(float (&to)[4], T const* from) {
#pragma unroll
  for (int i = 0; i < 4; ++i) to[i] = load_element(from + i);
}
DEVICE void load_four(float (&to)[4], float const* from) {
  vec4 const v = load_vec4(from);
  to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
}
DEVICE void load_four(float (&to)[4], half const* from) {
  u64 const v = load((u64 const*)from);
#pragma unroll
  for (int i = 0; i < 4; ++i) to[i] = half_to_float((u16)(v >> 16 * i));
}
DEVICE void load_four(float (&to)[4], bfloat16 const* from) {
  u64 const v = load((u64 const*)from);
#pragma unroll
  for (int i = 0; i < 4; ++i) to[i] = bfloat16_to_float((u16)(v >> 16 * i));
}
template <class T>
DEVICE void store_four(T* to, float const (&values)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) store_element(to + i, values[i]);
}
DEVICE void store_four(float* to, float const (&v)[4]) { store_vec4(to, vec4{v[0], v[1], v[2], v[3]}); }
DEVICE void store_four(half* to, float const (&v)[4]) {
  *(u64*)to = floats_to_half2(v[0], v[1]) | (u64)floats_to_half2(v[2], v[3]) << 32;
}
DEVICE void store_four(bfloat16* to, float const (&v)[4]) {
  *(u64*)to = floats_to_bfloat162(v[0], v[1]) | (u64)floats_to_bfloat162(v[2], v[3]) << 32;
}

// Two neighbours, aligned as a whole.
template <class T>
DEVICE void load_two(float (&to)[2], T const* from) {
  to[0] = load_element(from), to[1] = load_element(from + 1);
}
DEVICE void load_two(float (&to)[2], float const* from) {
  u64 const v = load((u64 const*)from);
  to[0] = float_of((u32)v), to[1] = float_of((u32)(v >> 32));
}
DEVICE void load_two(float (&to)[2], half const* from) {
  u32 const v = load((u32 const*)from);
  to[0] = half_to_float((u16)v), to[1] = half_to_float((u16)(v >> 16));
}
DEVICE void load_two(float (&to)[2], bfloat16 const* from) {
  u32 const v = load((u32 const*)from);
  to[0] = bfloat16_to_float((u16)v), to[1] = bfloat16_to_float((u16)(v >> 16));
}
template <class T>
DEVICE void store_two(T* to, float const (&values)[2]) {
  store_element(to, values[0]), store_element(to + 1, values[1]);
}
DEVICE void store_two(float* to, float const (&v)[2]) { *(u64*)to = bits_of(v[0]) | (u64)bits_of(v[1]) << 32; }
DEVICE void store_two(half* to, float const (&v)[2]) { *(u32*)to = floats_to_half2(v[0], v[1]); }
DEVICE void store_two(bfloat16* to, float const (&v)[2]) { *(u32*)to = floats_to_bfloat162(v[0], v[1]); }

// `width` elements, `stride` apart.
template <s64 stride, int width, class T>
DEVICE void load_elements(float (&to)[width], T const* from) {
  if constexpr (stride == 1 && width == 4) {
    load_four(to, from);
  } else if constexpr (stride == 1 && width == 2) {
    load_two(to, from);
  } else {
#pragma unroll
    for (int i = 0; i < width; ++i) to[i] = load_element(from + i * stride);
  }
}
template <s64 stride, int width, class T>
DEVICE void store_elements(T* to, float const (&values)[width]) {
  if constexpr (stride == 1 && width == 4) {
    store_four(to, values);
  } else if constexpr (stride == 1 && width == 2) {
    store_two(to, values);
  } else {
#pragma unroll
    for (int i = 0; i < width; ++i) store_element(to + i * stride, values[i]);
  }
}

template <s64 stride, int width, class Integer, class T>
DEVICE void load_elements(Integer (&to)[width], T const* from) {
#pragma unroll
  for (int i = 0; i < width; ++i) load_integer(to[i], from + i * stride);
}
template <s64 stride, int width, class Integer, class T>
DEVICE void store_elements(T* to, Integer const (&values)[width]) {
#pragma unroll
  for (int i = 0; i < width; ++i) store_integer(to + i * stride, values[i]);
}

// A type as large as an element that is only moved.
template <int bytes>
struct word;
template <>
struct word<1> {
  typedef u8 type;
};
template <>
struct word<2> {
  typedef u16 type;
};
template <>
struct word<4> {
  typedef u32 type;
};
template <>
struct word<8> {
  typedef u64 type;
};
template <>
struct word<16> {
  typedef vec4 type;
};

// Four neighbours in shared memory, aligned as a whole.
DEVICE void read_four(float (&to)[4], float const* from) {
  vec4 const v = *(vec4 const*)from;
  to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
}

// Primitives; a NaN in `a` gives `b`.
DEVICE float minimum(float a, float b) { return a < b ? a : b; }
DEVICE float maximum(float a, float b) { return a > b ? a : b; }
// Primitives of integers, which wrap.
DEVICE s64 minimum(s64 a, s64 b) { return a < b ? a : b; }
DEVICE u64 minimum(u64 a, u64 b) { return a < b ? a : b; }
DEVICE s64 maximum(s64 a, s64 b) { return a > b ? a : b; }
DEVICE u64 maximum(u64 a, u64 b) { return a > b ? a : b; }
template <class Integer>
DEVICE Integer sum(Integer a, Integer b) {
  return (Integer)((u64)a + (u64)b);
}
template <class Integer>
DEVICE Integer difference(Integer a, Integer b) {
  return (Integer)((u64)a - (u64)b);
}
template <class Integer>
DEVICE Integer times(Integer a, Integer b) {
  return (Integer)((u64)a * (u64)b);
}
// Towards zero; 0 for a division by zero.
DEVICE u64 quotient(u64 a, u64 b) { return b == 0 ? 0 : a / b; }
DEVICE s64 quotient(s64 a, s64 b) { return b == 0 ? 0 : b == -1 ? difference<s64>(0, a) : a / b; }
// a * 2^b for an integral b in -126..127.
DEVICE float scale2(float a, float b) { return a * float_of((u32)((s32)b + 127) << 23); }
// Of positive normal numbers.
DEVICE float exponent(float a) { return (float)((s32)(bits_of(a) >> 23) - 127); }
DEVICE float mantissa(float a) { return float_of((bits_of(a) & 0x7fffffu) | 0x3f800000u); }

// Coordinates: Kernel::size(axis) of them along each axis, the last one fastest.
DEVICE u32 to_unsigned(s32 value) { return (u32)value; }
DEVICE u64 to_unsigned(s64 value) { return (u64)value; }

template <class Kernel>
DEVICE constexpr typename Kernel::index count_coordinates() {
  typename Kernel::index count = 1;
  for (int axis = 0; axis < Kernel::rank; ++axis) count *= Kernel::size(axis);
  return count;
}
template <class Kernel>
DEVICE typename Kernel::index flatten(typename Kernel::index const (&at)[Kernel::rank]) {
  typename Kernel::index flat = at[0];
#pragma unroll
  for (int axis = 1; axis < Kernel::rank; ++axis) flat = flat * Kernel::size(axis) + at[axis];
  return flat;
}
// The inverse for all coordinates but the last.
template <class Kernel>
DEVICE void find_row(typename Kernel::index row, typename Kernel::index (&at)[Kernel::rank]) {
  auto rest = to_unsigned(row);
#pragma unroll
  for (int axis = Kernel::rank - 2; axis > 0; --axis) {
    auto const size = to_unsigned(Kernel::size(axis));
    at[axis] = (typename Kernel::index)(rest % size);
    rest /= size;
  }
  at[0] = (typename Kernel::index)rest;
}

// Finds the first coordinates of this thread, which has Kernel::vector of them along the last axis and `tile` of them
// along `tiled_axis`. False where there are none.
template <class Kernel, int tiled_axis = -1, int tile = 1>
DEVICE bool find_coordinates(typename Kernel::index (&at)[Kernel::rank]) {
  using index = typename Kernel::index;
  constexpr int last = Kernel::rank - 1;
  auto rest = to_unsigned((index)(block(0) * (index)Kernel::threads + thread()));
#pragma unroll
  for (int axis = last; axis >= 0; --axis) {
    index const width = axis == last ? Kernel::vector : axis == tiled_axis ? tile : 1;
    auto const size = to_unsigned((Kernel::size(axis) + width - 1) / width);
    at[axis] = (index)(axis == 0 ? rest : rest % size) * width;
    rest /= size;
  }
  return at[0] < Kernel::size(0);
}
DEVICE bool inside(s64 i, s64 size) { return i >= 0 && i < size; }
DEVICE bool inside(s32 i, s32 size) { return (u32)i < (u32)size; }

// Stores results for `width` coordinates from `at` on along the last axis, or for the first `count` of them.
template <class Kernel, int width>
DEVICE void store_results(Kernel const& kernel, float const (&x)[width], typename Kernel::index (&at)[Kernel::rank],
                          typename Kernel::index count) {
  constexpr bool whole = Kernel::size(Kernel::rank - 1) % width == 0;
  if (Kernel::vector == width && (whole || count >= width)) return kernel.store(x, at);
  if constexpr (Kernel::vector < width || !whole) {
#pragma unroll
    for (int i = 0; i < width; ++i, ++at[Kernel::rank - 1])
      if (i < count) kernel.store({x[i]}, at);
  }
}
// The same as far as there are coordinates.
template <class Kernel, int width>
DEVICE void store_results(Kernel const& kernel, float const (&x)[width], typename Kernel::index (&at)[Kernel::rank]) {
  store_results(kernel, x, at, Kernel::size(Kernel::rank - 1) - at[Kernel::rank - 1]);
}
)cuda"
