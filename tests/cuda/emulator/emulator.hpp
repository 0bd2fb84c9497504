#pragma once

/// Runs the text of CUDA kernels on the CPU, every thread of a block as a fiber:
///
///   emulator::module const kernels(R"(
///     KERNEL(256) void twice(float const* x, float* y) { y[thread()] = 2 * load(x + thread()); })");
///   emulator::array<float> const x(values), y(256);
///   for (auto const& how : emulator::every_option)
///     kernels.launch("twice", {.blocks = {1, 1, 1}, .threads = 256}, {x.data(), y.data()}, how);
///
/// Text uses what device/prelude.hpp has. Fibers change only where threads wait: block barriers, collectives of a warp.
/// Asynchronous copies are done when they are waited for, or at once. Memory starts as NaN, between pages that fault.
/// Found, as `emulator::error`: deadlocks, misaligned vector accesses, accesses beside memory, lanes of a warp in
/// different operations. Races show as results that differ between options. Not found: weak order of memory, speed.
#include "array.hpp"
#include "module.hpp"
