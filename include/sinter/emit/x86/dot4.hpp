#pragma once

#include <sinter/core/target.hpp>

namespace sinter {

/// Whether one instruction of `machine` adds the products of four 8-bit integers to each lane.
inline bool adds_byte_products(target const& machine) { return machine.has(feature::avx512vnni); }

}  // namespace sinter
