#pragma once

#include <sinter/ops/arithmetic.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/executor.hpp>
#include <sinter/ops/registry.hpp>

namespace sinter {

/// Every operator and family of the library, in any order.
using all_operators = operator_list<
    // elementwise
    arithmetic_family
    // movement
    // control flow
    >;

std::span<operator_entry const> operator_table() { return all_operators::entries; }

}  // namespace sinter
