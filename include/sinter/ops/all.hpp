#pragma once

#include <sinter/ops/activation.hpp>
#include <sinter/ops/affine_grid.hpp>
#include <sinter/ops/arg_reduce.hpp>
#include <sinter/ops/arithmetic.hpp>
#include <sinter/ops/attention.hpp>
#include <sinter/ops/batch_normalization.hpp>
#include <sinter/ops/bit_cast.hpp>
#include <sinter/ops/cast.hpp>
#include <sinter/ops/causal_convolution.hpp>
#include <sinter/ops/center_crop_pad.hpp>
#include <sinter/ops/clip.hpp>
#include <sinter/ops/col2im.hpp>
#include <sinter/ops/comparison.hpp>
#include <sinter/ops/composite.hpp>
#include <sinter/ops/concat.hpp>
#include <sinter/ops/constant.hpp>
#include <sinter/ops/control_flow.hpp>
#include <sinter/ops/control_form.hpp>
#include <sinter/ops/conv.hpp>
#include <sinter/ops/conv_transpose.hpp>
#include <sinter/ops/cumulative.hpp>
#include <sinter/ops/deform_conv.hpp>
#include <sinter/ops/det.hpp>
#include <sinter/ops/dropout.hpp>
#include <sinter/ops/einsum.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/evaluator.hpp>
#include <sinter/ops/expand.hpp>
#include <sinter/ops/flex_attention.hpp>
#include <sinter/ops/forest.hpp>
#include <sinter/ops/fourier.hpp>
#include <sinter/ops/fused.hpp>
#include <sinter/ops/gather.hpp>
#include <sinter/ops/gemm.hpp>
#include <sinter/ops/global_pooling.hpp>
#include <sinter/ops/grid_sample.hpp>
#include <sinter/ops/image_decoder.hpp>
#include <sinter/ops/instance_normalization.hpp>
#include <sinter/ops/label_encoder.hpp>
#include <sinter/ops/layer_normalization.hpp>
#include <sinter/ops/linear_attention.hpp>
#include <sinter/ops/linear_model.hpp>
#include <sinter/ops/logic.hpp>
#include <sinter/ops/loop.hpp>
#include <sinter/ops/loss.hpp>
#include <sinter/ops/lp_normalization.hpp>
#include <sinter/ops/lrn.hpp>
#include <sinter/ops/matmul.hpp>
#include <sinter/ops/matmul_nbits.hpp>
#include <sinter/ops/max_unpool.hpp>
#include <sinter/ops/mean_variance_normalization.hpp>
#include <sinter/ops/microsoft/all.hpp>
#include <sinter/ops/ml_scores.hpp>
#include <sinter/ops/non_max_suppression.hpp>
#include <sinter/ops/one_hot.hpp>
#include <sinter/ops/optional.hpp>
#include <sinter/ops/pad.hpp>
#include <sinter/ops/planned_bodies.hpp>
#include <sinter/ops/pooling.hpp>
#include <sinter/ops/power.hpp>
#include <sinter/ops/quantize.hpp>
#include <sinter/ops/quantized_linear.hpp>
#include <sinter/ops/random.hpp>
#include <sinter/ops/recurrent.hpp>
#include <sinter/ops/reduce.hpp>
#include <sinter/ops/regex.hpp>
#include <sinter/ops/registry.hpp>
#include <sinter/ops/reshape.hpp>
#include <sinter/ops/resize.hpp>
#include <sinter/ops/reverse_sequence.hpp>
#include <sinter/ops/roi_align.hpp>
#include <sinter/ops/rotary_embedding.hpp>
#include <sinter/ops/scan.hpp>
#include <sinter/ops/scatter.hpp>
#include <sinter/ops/scikit.hpp>
#include <sinter/ops/selection.hpp>
#include <sinter/ops/sequence.hpp>
#include <sinter/ops/slice.hpp>
#include <sinter/ops/softmax.hpp>
#include <sinter/ops/stack.hpp>
#include <sinter/ops/strings.hpp>
#include <sinter/ops/sum_to_shape.hpp>
#include <sinter/ops/tensor_scatter.hpp>
#include <sinter/ops/tf_idf.hpp>
#include <sinter/ops/top_k.hpp>
#include <sinter/ops/training.hpp>
#include <sinter/ops/transpose.hpp>
#include <sinter/ops/tree_ensemble.hpp>
#include <sinter/ops/trilu.hpp>
#include <sinter/ops/unary.hpp>
#include <sinter/ops/unique.hpp>
#include <sinter/ops/where.hpp>
#include <sinter/ops/window_function.hpp>

namespace sinter {

/// Every operator and family of the library, in any order.
// clang-format off
using all_operators = operator_list<
    // fused, domain sinter
    append_rows,
    channel_shuffle,
    fused_convolution,
    fused_elementwise,
    fused_gemm,
    integer_gemm,
    quantized_add,
    quantized_convolution,
    quantized_elementwise,
    quantized_gemm,
    quantized_global_average,
    projected_rnn,
    projected_gru,
    projected_lstm,
    sum_to_shape,
    // elementwise
    activation_family,
    arithmetic_family,
    bit_cast_elements,
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
    swiglu,
    unary_family,
    where,
    // movement
    center_crop_pad,
    compress,
    concat,
    constant,
    constant_of_shape,
    depth_to_space,
    dropout,
    training_dropout,
    expand,
    eye_like,
    flatten,
    gather,
    gather_elements,
    gather_nd,
    identity,
    legacy_tile,
    non_zero,
    one_hot,
    pad,
    range_of_numbers,
    reshape,
    reverse_sequence,
    scatter,
    scatter_elements,
    scatter_nd,
    shape_of,
    size_of_tensor,
    slice,
    space_to_depth,
    split,
    squeeze,
    tensor_scatter,
    tile,
    transpose,
    trilu,
    unique,
    unsqueeze,
    // control flow
    if_else,
    loop,
    scan,
    batched_scan,
    // sequences and optionals
    sequence_family,
    optional_family,
    // text
    string_family,
    tf_idf,
    // random numbers and training
    random_family,
    optimizer_family,
    // ai.onnx.ml
    label_encoder,
    linear_model_family,
    scikit_family,
    tree_ensemble_family,
    // onnxruntime
    microsoft_family,
    // signals
    fourier_family,
    // neural networks
    causal_convolution,
    col2im,
    deform_conv,
    flex_attention,
    linear_attention,
    matmul_nbits,
    window_function_family,
    affine_grid,
    attention,
    rotary_embedding,
    likelihood_loss<false>,
    likelihood_loss<true>,
    grid_sample,
    image_decoder,
    max_unpool,
    roi_align,
    rnn,
    gru,
    lstm,
    resize,
    resize_by_scales<false>,
    resize_by_scales<true>,
    top_k,
    non_max_suppression,
    einsum,
    det,
    conv,
    conv_transpose,
    conv_integer,
    qlinear_conv,
    max_pool,
    average_pool,
    lp_pool,
    global_average_pool,
    global_max_pool,
    global_lp_pool,
    batch_normalization,
    instance_normalization,
    group_normalization,
    layer_normalization,
    rms_normalization,
    lp_normalization,
    mean_variance_normalization,
    lrn,
    gemm,
    matmul,
    matmul_integer,
    qlinear_matmul,
    reduction_family,
    arg_reduce<true>,
    arg_reduce<false>,
    softmax,
    log_softmax,
    hardmax,
    cumulative<false>,
    cumulative<true>,
    quantize_linear,
    dequantize_linear,
    dynamic_quantize_linear>;
// clang-format on

std::span<operator_entry const> operator_table() { return all_operators::entries; }

}  // namespace sinter
