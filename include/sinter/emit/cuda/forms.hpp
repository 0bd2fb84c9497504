#pragma once

#include <sinter/core/error.hpp>

#include <algorithm>
#include <array>
#include <string_view>

/// The forms of kernels that device text has: each a file in forms/, which says what constants and arguments mean, and
/// a line here.
namespace sinter::cuda_text {

inline constexpr std::string_view prelude_text =
#include <sinter/emit/cuda/prelude.cuh>
    ;
inline constexpr std::string_view elements_text =
#include <sinter/emit/cuda/forms/elements.cuh>
    ;
inline constexpr std::string_view product_text =
#include <sinter/emit/cuda/forms/product.cuh>
    ;
inline constexpr std::string_view product_exact_text =
#include <sinter/emit/cuda/forms/product_exact.cuh>
    ;
inline constexpr std::string_view product_matrix_text =
#include <sinter/emit/cuda/forms/product_matrix.cuh>
    ;
inline constexpr std::string_view pointwise_text =
#include <sinter/emit/cuda/forms/pointwise.cuh>
    ;
inline constexpr std::string_view copy_text =
#include <sinter/emit/cuda/forms/copy.cuh>
    ;
inline constexpr std::string_view contraction_text =
#include <sinter/emit/cuda/forms/contraction.cuh>
    ;
inline constexpr std::string_view convolution_summand_text =
#include <sinter/emit/cuda/forms/convolution_summand.cuh>
    ;
inline constexpr std::string_view convolution_text =
#include <sinter/emit/cuda/forms/convolution.cuh>
    ;
inline constexpr std::string_view fragments_text =
#include <sinter/emit/cuda/forms/fragments.cuh>
    ;
inline constexpr std::string_view attention_rows_text =
#include <sinter/emit/cuda/forms/attention_rows.cuh>
    ;
inline constexpr std::string_view attention_exact_text =
#include <sinter/emit/cuda/forms/attention_exact.cuh>
    ;
inline constexpr std::string_view attention_matrix_text =
#include <sinter/emit/cuda/forms/attention_matrix.cuh>
    ;
inline constexpr std::string_view attention_text =
#include <sinter/emit/cuda/forms/attention.cuh>
    ;
inline constexpr std::string_view accumulate_text =
#include <sinter/emit/cuda/forms/accumulate.cuh>
    ;
inline constexpr std::string_view arg_reduce_text =
#include <sinter/emit/cuda/forms/arg_reduce.cuh>
    ;
inline constexpr std::string_view depthwise_text =
#include <sinter/emit/cuda/forms/depthwise.cuh>
    ;
inline constexpr std::string_view gather_text =
#include <sinter/emit/cuda/forms/gather.cuh>
    ;
inline constexpr std::string_view normalize_text =
#include <sinter/emit/cuda/forms/normalize.cuh>
    ;
inline constexpr std::string_view pad_text =
#include <sinter/emit/cuda/forms/pad.cuh>
    ;
inline constexpr std::string_view pool_text =
#include <sinter/emit/cuda/forms/pool.cuh>
    ;
inline constexpr std::string_view recurrent_text =
#include <sinter/emit/cuda/forms/recurrent.cuh>
    ;
inline constexpr std::string_view reduce_text =
#include <sinter/emit/cuda/forms/reduce.cuh>
    ;
inline constexpr std::string_view resize_text =
#include <sinter/emit/cuda/forms/resize.cuh>
    ;
inline constexpr std::string_view rows_text =
#include <sinter/emit/cuda/forms/rows.cuh>
    ;
inline constexpr std::string_view softmax_text =
#include <sinter/emit/cuda/forms/softmax.cuh>
    ;
inline constexpr std::string_view transposed_convolution_text =
#include <sinter/emit/cuda/forms/transposed_convolution.cuh>
    ;

using form_texts = std::array<std::string_view, 5>;

/// A form: its text, the texts that this needs, and whether it computes an input of the kernel's function.
struct form {
  std::string_view name;
  std::string_view text;
  form_texts needs{};
  bool computes = true;
};

inline constexpr form_texts product_texts{fragments_text, product_text, product_exact_text, product_matrix_text};
inline constexpr form_texts convolution_texts{fragments_text, product_text, product_exact_text, product_matrix_text,
                                              convolution_summand_text};
inline constexpr form_texts row_texts{rows_text};
inline constexpr form_texts attention_texts{fragments_text, attention_rows_text, attention_exact_text,
                                            attention_matrix_text};

inline constexpr std::array forms{
    form{"pointwise", pointwise_text, {}, false},
    form{"copy", copy_text, {}, false},
    form{"contraction", contraction_text, product_texts},
    form{"convolution", convolution_text, convolution_texts},
    form{"transposed_convolution", transposed_convolution_text, convolution_texts},
    form{"depthwise", depthwise_text},
    form{"pool", pool_text},
    form{"reduce", reduce_text, row_texts},
    form{"softmax", softmax_text, row_texts},
    form{"normalize", normalize_text, row_texts},
    form{"gather", gather_text, {}, false},
    form{"pad", pad_text, {}, false},
    form{"arg_reduce", arg_reduce_text, row_texts, false},
    form{"accumulate", accumulate_text, {}, false},
    form{"resize", resize_text},
    form{"attention", attention_text, attention_texts},
    form{"recurrent", recurrent_text, {}, false},
};

inline form const& find_form(std::string_view name) {
  auto const found = std::ranges::find(forms, name, &form::name);
  if (found == forms.end()) fail(error_code::system, "no kernel of CUDA devices has the form '{}'", name);
  return *found;
}

}  // namespace sinter::cuda_text
