#pragma once

#include <sinter/schedules/cuda/attention.hpp>
#include <sinter/schedules/cuda/attention_operator.hpp>
#include <sinter/schedules/cuda/contraction.hpp>
#include <sinter/schedules/cuda/convolution.hpp>
#include <sinter/schedules/cuda/gather.hpp>
#include <sinter/schedules/cuda/lines.hpp>
#include <sinter/schedules/cuda/moves.hpp>
#include <sinter/schedules/cuda/numbers.hpp>
#include <sinter/schedules/cuda/pad.hpp>
#include <sinter/schedules/cuda/parts.hpp>
#include <sinter/schedules/cuda/pointwise.hpp>
#include <sinter/schedules/cuda/quantize.hpp>
#include <sinter/schedules/cuda/recurrent.hpp>
#include <sinter/schedules/cuda/reorder.hpp>
#include <sinter/schedules/cuda/resize.hpp>
#include <sinter/schedules/cuda/rows.hpp>
#include <sinter/schedules/cuda/transposed_convolution.hpp>
#include <sinter/schedules/cuda/triangle.hpp>
#include <sinter/schedules/cuda/view.hpp>
#include <sinter/schedules/cuda/windows.hpp>

#include <array>

namespace sinter::detail::cuda {

/// Schedules for CUDA; the place in the list decides between equally cheap candidates.
inline constexpr std::array table{
    view_schedule,         depthwise_schedule,
    convolution_schedule,  contraction_schedule,
    attention_schedule,    attention_group_schedule,
    pool_schedule,         moves_schedule,
    parts_schedule,        reduction_schedule,
    softmax_schedule,      normalization_schedule,
    pointwise_schedule,    cast_schedule,
    resize_schedule,       transposed_convolution_schedule,
    recurrent_schedule,    gather_schedule,
    numbers_schedule,      quantization_schedule,
    pad_schedule,          arg_reduce_schedule,
    accumulation_schedule, triangle_schedule,
};

}  // namespace sinter::detail::cuda
