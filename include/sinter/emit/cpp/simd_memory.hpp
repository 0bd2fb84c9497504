#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/emit/cpp/simd_lanes.hpp>

#include <algorithm>

/// Loads and stores of all element types, an element at a time. Part of sinter_simd.hpp.
namespace sinter::simd {
namespace {

constexpr int size_of(element e) {
  constexpr int bytes[] = {4, 4, 2, 2, 1, 1};
  return bytes[static_cast<int>(e)];
}

template <typename T>
SINTER_SIMD T read_as(std::byte const* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <typename T>
SINTER_SIMD void write_as(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

/// One element of memory as a lane.
template <typename T, element E>
SINTER_SIMD T load_lane(std::byte const* at) {
  if constexpr (E == element::f32) return static_cast<T>(read_as<float>(at));
  if constexpr (E == element::i32) return static_cast<T>(read_as<std::int32_t>(at));
  if constexpr (E == element::f16) return static_cast<T>(half_to_float(read_as<std::uint16_t>(at)));
  if constexpr (E == element::bf16) return static_cast<T>(bfloat16_to_float(read_as<std::uint16_t>(at)));
  if constexpr (E == element::s8) return static_cast<T>(read_as<std::int8_t>(at));
  if constexpr (E == element::u8) return static_cast<T>(read_as<std::uint8_t>(at));
}

SINTER_SIMD std::int32_t whole(float lane) { return round_to_i32(lane); }
SINTER_SIMD std::int32_t whole(std::int32_t lane) { return lane; }

/// A lane as one element of memory: rounded to even, 8-bit integers saturated.
template <element E, typename T>
SINTER_SIMD void store_lane(std::byte* at, T lane) {
  if constexpr (E == element::f32) write_as(at, static_cast<float>(lane));
  if constexpr (E == element::i32) write_as(at, whole(lane));
  if constexpr (E == element::f16) write_as(at, float_to_half(static_cast<float>(lane)));
  if constexpr (E == element::bf16) write_as(at, float_to_bfloat16(static_cast<float>(lane)));
  if constexpr (E == element::s8) write_as(at, static_cast<std::int8_t>(std::clamp(whole(lane), -128, 127)));
  if constexpr (E == element::u8) write_as(at, static_cast<std::uint8_t>(std::clamp(whole(lane), 0, 255)));
}

/// The first `count` elements from `from`, the other lanes 0.
template <typename R, element E>
SINTER_SIMD R load_each(std::byte const* from, int count) {
  using L = typename lane_array<R>::type;
  L d(0);
  for (int l = 0; l < count; ++l) d.at[l] = load_lane<typename L::value_type, E>(from + l * size_of(E));
  return lane_array<R>::join(d);
}
template <element E, typename R>
SINTER_SIMD void store_each(std::byte* to, R const& value, int count) {
  auto const lanes = lane_array<R>::split(value);
  for (int l = 0; l < count; ++l) store_lane<E>(to + l * size_of(E), lanes.at[l]);
}

/// Memory access of register type R: `load`, `load_first`, `store`, `store_first`; specialised where the
/// instruction set has more than one element at a time.
template <typename R, element E>
struct access {
  static constexpr int size = lane_array<R>::type::size;
  SINTER_SIMD static R load(std::byte const* from) { return load_each<R, E>(from, size); }
  SINTER_SIMD static R load_first(std::byte const* from, int count) { return load_each<R, E>(from, count); }
  SINTER_SIMD static void store(std::byte* to, R const& value) { store_each<E>(to, value, size); }
  SINTER_SIMD static void store_first(std::byte* to, R const& value, int count) { store_each<E>(to, value, count); }
};

template <typename R, element E>
SINTER_SIMD R load(std::byte const* from) {
  return access<R, E>::load(from);
}
template <typename R, element E, int Count>
SINTER_SIMD R load_first(std::byte const* from) {
  return access<R, E>::load_first(from, Count);
}
/// One element in all lanes.
template <typename R, element E>
SINTER_SIMD R broadcast(std::byte const* from) {
  return R(load_lane<typename lane_array<R>::value_type, E>(from));
}
template <element E, typename R>
SINTER_SIMD void store(std::byte* to, R const& value) {
  access<R, E>::store(to, value);
}
template <element E, int Count, typename R>
SINTER_SIMD void store_first(std::byte* to, R const& value) {
  access<R, E>::store_first(to, value, Count);
}

}  // namespace
}  // namespace sinter::simd
