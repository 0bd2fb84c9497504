#pragma once

// Defines what schedules/schedule.hpp declares: include it once per program.

#include <sinter/schedules/attention.hpp>
#include <sinter/schedules/byte_table.hpp>
#include <sinter/schedules/cast.hpp>
#include <sinter/schedules/channel_shuffle.hpp>
#include <sinter/schedules/convolution.hpp>
#include <sinter/schedules/convolution_bands.hpp>
#include <sinter/schedules/copy.hpp>
#include <sinter/schedules/cuda/all.hpp>
#include <sinter/schedules/depthwise.hpp>
#include <sinter/schedules/dynamic_quantize.hpp>
#include <sinter/schedules/elementwise.hpp>
#include <sinter/schedules/gemm.hpp>
#include <sinter/schedules/global_pooling.hpp>
#include <sinter/schedules/group_norm.hpp>
#include <sinter/schedules/half_winograd.hpp>
#include <sinter/schedules/integer_gemm.hpp>
#include <sinter/schedules/interleave.hpp>
#include <sinter/schedules/layer_norm.hpp>
#include <sinter/schedules/moves.hpp>
#include <sinter/schedules/pad.hpp>
#include <sinter/schedules/pooling.hpp>
#include <sinter/schedules/product_operands.hpp>
#include <sinter/schedules/quantize.hpp>
#include <sinter/schedules/quantized_convolution.hpp>
#include <sinter/schedules/quantized_depthwise.hpp>
#include <sinter/schedules/quantized_gemm.hpp>
#include <sinter/schedules/quantized_winograd.hpp>
#include <sinter/schedules/recurrent.hpp>
#include <sinter/schedules/reduce.hpp>
#include <sinter/schedules/resample.hpp>
#include <sinter/schedules/resize.hpp>
#include <sinter/schedules/row_strips.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/schedules/softmax.hpp>
#include <sinter/schedules/softmax_columns.hpp>
#include <sinter/schedules/tile_attention.hpp>
#include <sinter/schedules/tile_convolution.hpp>
#include <sinter/schedules/tile_gemm.hpp>
#include <sinter/schedules/tile_image.hpp>
#include <sinter/schedules/tile_kernel.hpp>
#include <sinter/schedules/tile_lines.hpp>
#include <sinter/schedules/tile_planes.hpp>
#include <sinter/schedules/tile_product.hpp>
#include <sinter/schedules/transposed_convolution.hpp>
#include <sinter/schedules/view.hpp>
#include <sinter/schedules/winograd.hpp>
#include <sinter/schedules/winograd_phases.hpp>
#include <sinter/schedules/winograd_points.hpp>

#include <array>
#include <span>

namespace sinter {

/// The tables of schedules. Special cases stand before general ones: of equally cheap candidates the first is taken.
std::span<schedule const> schedule_table(device_kind device) {
  static constexpr std::array table{
      view_schedule,
      depthwise_schedule,
      convolution_bands_schedule,
      convolution_schedule,
      bfloat16_convolution_schedule,
      half_convolution_schedule,
      tile_convolution_schedule,
      tile_planes_schedule,
      winograd_points_schedule,
      winograd_schedule,
      bfloat16_winograd_schedule,
      half_winograd_schedule,
      quantized_depthwise_schedule,
      quantized_convolution_schedule,
      quantized_tile_convolution_schedule,
      quantized_gemm_schedule,
      quantized_winograd_schedule,
      integer_gemm_schedule,
      quantize_schedule,
      dynamic_quantize_schedule,
      image_strips_schedule,
      row_strips_schedule,
      transposed_convolution_schedule,
      gemm_schedule,
      bfloat16_gemm_schedule,
      half_gemm_schedule,
      tile_gemm_schedule,
      attention_schedule,
      attention_group_schedule,
      pooling_schedule,
      global_pooling_schedule,
      channel_shuffle_schedule,
      joined_shuffle_schedule,
      copy_schedule,
      pad_schedule,
      softmax_schedule,
      softmax_columns_schedule,
      layer_norm_schedule,
      group_norm_schedule,
      reduce_schedule,
      moves_schedule,
      resize_schedule,
      resample_schedule,
      recurrent_schedule,
      cast_schedule,
      byte_table_schedule,
      elementwise_schedule,
  };
  switch (device) {
    case device_kind::none: return {};
    case device_kind::cuda: return detail::cuda::table;
    default: return table;
  }
}

}  // namespace sinter
