#pragma once

#include <sinter/ops/activation.hpp>
#include <sinter/ops/arithmetic.hpp>
#include <sinter/ops/cast.hpp>
#include <sinter/ops/clip.hpp>
#include <sinter/ops/comparison.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/executor.hpp>
#include <sinter/ops/fused.hpp>
#include <sinter/ops/logic.hpp>
#include <sinter/ops/power.hpp>
#include <sinter/ops/registry.hpp>
#include <sinter/ops/unary.hpp>
#include <sinter/ops/where.hpp>

namespace sinter {

/// Every operator and family of the library, in any order.
// clang-format off
using all_operators = operator_list<
    // fused, domain sinter
    channel_shuffle,
    fused_convolution,
    fused_elementwise,
    fused_gemm,
    // elementwise
    activation_family,
    arithmetic_family,
    bit_shift,
    bitwise_not,
    cast,
    cast_like,
    clip,
    comparison_family,
    gelu,
    is_inf,
    is_nan,
    legacy_power,
    legacy_prelu,
    logic_family,
    logical_not,
    modulo,
    power,
    prelu,
    unary_family,
    where>;
// clang-format on

std::span<operator_entry const> operator_table() { return all_operators::entries; }

}  // namespace sinter
