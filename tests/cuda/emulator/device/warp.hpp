#pragma once

/// What the lanes of a warp do together. Lanes that have ended take no part; what comes from them is NaN.
namespace emulator {

struct shuffled {
  u32 value, source, result;
};

inline void shuffle_lanes(void* const* lanes) {
  for (int lane = 0; lane < 32; ++lane) {
    auto* const to = static_cast<shuffled*>(lanes[lane]);
    if (!to) continue;
    auto const* const from = static_cast<shuffled const*>(lanes[to->source]);
    to->result = from ? from->value : 0xffffffffu;
  }
}

inline u32 shuffle_from(u32 value, u32 source) {
  shuffled brought{value, source, 0};
  here.meet(collective::shuffle, &brought, shuffle_lanes);
  return brought.result;
}

}  // namespace emulator

DEVICE void warp_barrier() {
  emulator::here.meet(emulator::collective::barrier, &emulator::here, [](void* const*) {});
}

DEVICE u32 shuffle_xor(u32 value, int mask) {
  return emulator::shuffle_from(value, static_cast<u32>(thread() ^ mask) % 32);
}
DEVICE float shuffle_xor(float value, int mask) { return float_of(shuffle_xor(bits_of(value), mask)); }
/// The own value where there is no such lane.
DEVICE float shuffle_down(float value, int lanes) {
  auto const lane = thread() % 32, source = lane + lanes;
  return float_of(emulator::shuffle_from(bits_of(value), static_cast<u32>(source < 32 ? source : lane)));
}
DEVICE float shuffle(float value, int lane) {
  return float_of(emulator::shuffle_from(bits_of(value), static_cast<u32>(lane) % 32));
}
