#pragma once

#include <sinter/ops/microsoft/attention.hpp>
#include <sinter/ops/microsoft/attention_body.hpp>
#include <sinter/ops/microsoft/bias_activation.hpp>
#include <sinter/ops/microsoft/fused_linear.hpp>
#include <sinter/ops/microsoft/group_query_attention.hpp>
#include <sinter/ops/microsoft/linear_algebra.hpp>
#include <sinter/ops/microsoft/movement.hpp>
#include <sinter/ops/microsoft/quantized.hpp>
#include <sinter/ops/microsoft/quantized_elementwise.hpp>
#include <sinter/ops/microsoft/quantized_pooling.hpp>
#include <sinter/ops/microsoft/quantized_products.hpp>
#include <sinter/ops/microsoft/skip_normalization.hpp>

namespace sinter {

/// Operators of onnxruntime, domain com.microsoft.
// clang-format off
using microsoft_family = operator_list<
    microsoft::attention,
    microsoft::bias_add,
    microsoft::bias_gelu,
    microsoft::bias_split_gelu,
    microsoft::cdist,
    microsoft::crop_and_resize,
    microsoft::dynamic_quantize_matmul,
    microsoft::embed_layer_normalization,
    microsoft::expand_dims,
    microsoft::fast_gelu,
    microsoft::fused_conv,
    microsoft::fused_gemm,
    microsoft::fused_matmul<true>,
    microsoft::fused_matmul<false>,
    microsoft::gather_block_quantized,
    microsoft::gather_nd,
    microsoft::gelu,
    microsoft::grid_sample,
    microsoft::group_query_attention,
    microsoft::inverse,
    microsoft::linear_quantization<true>,
    microsoft::linear_quantization<false>,
    microsoft::matmul_integer_to_float,
    microsoft::multi_head_attention,
    microsoft::nhwc_max_pool,
    microsoft::pad,
    microsoft::qattention,
    microsoft::qgemm,
    microsoft::qlinear_activation<true>,
    microsoft::qlinear_activation<false>,
    microsoft::qlinear_arithmetic<true>,
    microsoft::qlinear_arithmetic<false>,
    microsoft::qlinear_average_pool,
    microsoft::qlinear_concat,
    microsoft::qlinear_conv,
    microsoft::qlinear_global_average_pool,
    microsoft::qlinear_reduce_mean,
    microsoft::qlinear_softmax,
    microsoft::qlinear_where,
    microsoft::quick_gelu,
    microsoft::range,
    microsoft::rotary_embedding,
    microsoft::simplified_layer_normalization,
    microsoft::skip_normalization<true>,
    microsoft::skip_normalization<false>,
    microsoft::trilu,
    microsoft::unique>;
// clang-format on

}  // namespace sinter
