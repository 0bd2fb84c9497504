#pragma once

/// The operators of the domain `sinter`, which passes make: one per anchor of a fusion, and what else they need.
#include <sinter/ops/append.hpp>
#include <sinter/ops/channel_shuffle.hpp>
#include <sinter/ops/fused_convolution.hpp>
#include <sinter/ops/fused_elementwise.hpp>
#include <sinter/ops/fused_gemm.hpp>
#include <sinter/ops/integer_gemm.hpp>
#include <sinter/ops/quantized.hpp>
#include <sinter/ops/quantized_elementwise.hpp>
#include <sinter/ops/quantized_pooling.hpp>
