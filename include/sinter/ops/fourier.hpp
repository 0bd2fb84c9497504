#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/kernels/element.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/cast.hpp>
#include <sinter/ops/entry.hpp>

#include <array>
#include <cmath>
#include <complex>
#include <numbers>
#include <span>
#include <vector>

namespace sinter {

namespace detail {

using complex = std::complex<double>;

/// out[k] = Σ in[i * stride] e^(sign 2π j i k / n) by the smallest factor of n, and so on. `roots[i]` is e^(sign 2π j i
/// / N) for the N of the first call, where n * stride == N.
inline void fourier(complex const* in, std::size_t stride, std::size_t n, std::span<complex const> roots,
                    complex* out) {
  if (n == 1) {
    out[0] = in[0];
    return;
  }
  std::size_t factor = 2;
  while (factor * factor <= n && n % factor != 0) ++factor;
  if (n % factor != 0) factor = n;
  auto const part = n / factor;
  for (std::size_t f = 0; f < factor; ++f) fourier(in + f * stride, stride * factor, part, roots, out + f * part);
  std::vector<complex> column(factor);
  for (std::size_t k = 0; k < part; ++k) {
    for (std::size_t f = 0; f < factor; ++f) column[f] = out[f * part + k];
    for (std::size_t m = 0; m < factor; ++m) {
      complex sum = 0;
      for (std::size_t f = 0; f < factor; ++f) sum += column[f] * roots[(k + m * part) * f % n * stride];
      out[k + m * part] = sum;
    }
  }
}

/// The transform of `line`, divided by its length if it is the inverse one.
inline std::vector<complex> fourier(std::vector<complex> const& line, bool inverse) {
  auto const n = line.size();
  std::vector<complex> roots(n), result(n);
  for (std::size_t i = 0; i < n; ++i)
    roots[i] = std::polar(1.0, (inverse ? 2 : -2) * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n));
  if (n > 0) fourier(line.data(), 1, n, roots, result.data());
  if (inverse)
    for (auto& value : result) value /= static_cast<double>(n);
  return result;
}

/// The one number of an integer input, if it is known.
inline std::optional<std::int64_t> known_number(inputs const& in, std::size_t i, std::string_view what) {
  auto const values = in.integers(i);
  if (!values) return std::nullopt;
  if (values->size() != 1)
    fail(error_code::malformed_model, "the {} has shape {}, expected one number", what, in.shape(i));
  return values->front();
}

}  // namespace detail

/// DFT: the last axis has a real number, or a real and an imaginary part. The axis to transform is an attribute before
/// operator set 20 and input 2 since.   https://onnx.ai/onnx/operators/onnx__DFT.html
struct dft {
  static constexpr op_schema schema{.name = "DFT", .since = 17, .max_inputs = 3};
  struct attributes {
    std::optional<std::int64_t> axis{};
    bool inverse = false;
    bool onesided = false;

    bool gives_real() const { return inverse && onesided; }
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.axis = {}, .inverse = r.get("inverse", false), .onesided = r.get("onesided", false)};
    if (r.version() < 20) a.axis = r.get<std::int64_t>("axis", 1);
    if (r.version() < 20 && r.has_input(2)) fail(error_code::malformed_model, "three inputs are given, expected two");
    return a;
  }

  static constexpr std::int64_t bytes_of_point = 3 * sizeof(detail::complex);  // of a line: itself, roots, result

  /// What is transformed: an axis, and how many elements of it with zeros behind them.
  struct work {
    std::size_t axis = 0;
    std::int64_t length = 0;
    std::int64_t results = 0;
  };
  static work work_of(shape const& x, std::int64_t axis, std::optional<std::int64_t> length, attributes const& a) {
    if (x.rank() < 2 || (x.back() != 1 && x.back() != 2))
      fail(error_code::malformed_model, "the input has shape {}, expected a last axis of one or two elements", x);
    work w{.axis = normalize_axis(axis, x.rank())};
    if (w.axis + 1 == x.rank()) fail(error_code::malformed_model, "the axis to transform is that of complex numbers");
    w.length = length.value_or(a.gives_real() ? 2 * (x[w.axis] - 1) : x[w.axis]);
    if (w.length < 1)
      fail(error_code::malformed_model, "the length of the transform is {}, expected 1 or more", w.length);
    budget("a transform", limits{}.arena_bytes).charge(static_cast<std::size_t>(checked_mul(w.length, bytes_of_point)));
    if (a.onesided && !a.inverse && x.back() != 1)
      fail(error_code::malformed_model, "a one-sided transform of complex numbers is asked for");
    w.results = a.onesided && !a.inverse ? w.length / 2 + 1 : w.length;
    return w;
  }
  static std::optional<work> work_of(inputs const& in, attributes const& a) {
    auto const length = detail::known_number(in, 1, "length"), axis = detail::known_number(in, 2, "axis");
    if ((in.has(1) && !length) || (in.has(2) && !axis)) return std::nullopt;
    return work_of(in.shape(0), a.axis.value_or(axis.value_or(-2)), length, a);
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const w = work_of(in, a);
    if (!w) return {unknown_shape(in.element(0))};
    auto result = in.shape(0);
    result[w->axis] = w->results;
    result.back() = a.gives_real() ? 1 : 2;
    return {{in.element(0), result}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    std::vector<any_tensor> tensors;
    std::vector<operand> operands;
    tensors.reserve(in.size());
    for (auto const& v : in) {
      tensors.emplace_back(v.type, v.shape, std::shared_ptr<void const>(std::shared_ptr<void const>(), v.data));
      operands.push_back({{v.type, v.shape}, &tensors.back()});
    }
    transform(in[0], out[0], *work_of(inputs(operands), a), a);
  }

 private:
  static void transform(tensor_view x, mutable_tensor_view y, work const& w, attributes const& a) {
    auto const rank = x.shape.rank();
    auto const outer = x.shape.elements(0, w.axis), inner = x.shape.elements(w.axis + 1, rank - 1);
    for (std::size_t row = 0; row < outer; ++row)
      for (std::size_t column = 0; column < inner; ++column) {
        auto const line = detail::fourier(read(x, row, column, inner, w, a), a.inverse);
        for (std::size_t k = 0; k < static_cast<std::size_t>(w.results); ++k) {
          auto const at = ((row * static_cast<std::size_t>(w.results) + k) * inner + column) *
                          static_cast<std::size_t>(y.shape.back());
          store<double>(y.type, y.data, at, line[k].real());
          if (y.shape.back() == 2) store<double>(y.type, y.data, at + 1, line[k].imag());
        }
      }
  }

  static std::vector<detail::complex> read(tensor_view x, std::size_t row, std::size_t column, std::size_t inner,
                                           work const& w, attributes const& a) {
    auto const extent = static_cast<std::size_t>(x.shape[w.axis]), parts = static_cast<std::size_t>(x.shape.back());
    std::vector<detail::complex> line(static_cast<std::size_t>(w.length));
    for (std::size_t k = 0; k < std::min(extent, line.size()); ++k) {
      auto const at = ((row * extent + k) * inner + column) * parts;
      line[k] = {load<double>(x.type, x.data, at), parts == 2 ? load<double>(x.type, x.data, at + 1) : 0.0};
    }
    if (a.gives_real())  // the half that is not given mirrors the one that is
      for (std::size_t k = line.size() / 2 + 1; k < line.size(); ++k) line[k] = std::conj(line[line.size() - k]);
    return line;
  }
};

/// STFT: the transforms of windows that slide over a signal.   https://onnx.ai/onnx/operators/onnx__STFT.html
struct stft {
  static constexpr op_schema schema{.name = "STFT", .since = 17, .min_inputs = 2, .max_inputs = 4};
  struct attributes {
    bool onesided = true;
  };

  static attributes parse(attribute_reader const& r) { return {.onesided = r.get("onesided", true)}; }

  static types infer(inputs const& in, attributes const& a) {
    auto const& x = in.shape(0);
    if (x.rank() != 3 || (x[2] != 1 && x[2] != 2))
      fail(error_code::malformed_model, "the signal has shape {}, expected batch x length x 1 or 2", x);
    if (in.has(2) && in.shape(2).rank() != 1)
      fail(error_code::malformed_model, "the window has shape {}, expected a vector", in.shape(2));
    auto const step = detail::known_number(in, 1, "step"), given = detail::known_number(in, 3, "length");
    if (!step || (in.has(3) && !given)) return {unknown_shape(in.element(0))};
    auto const length = given ? *given : in.has(2) ? in.shape(2)[0] : x[1];
    if (*step < 1 || length < 1 || length > x[1] || (in.has(2) && in.shape(2)[0] != length))
      fail(error_code::malformed_model,
           "frames of {} elements, {} apart, with a window of shape {}, do not fit a signal of {}", length, *step,
           in.has(2) ? in.shape(2) : shape{length}, x[1]);
    if (a.onesided && x[2] == 2)
      fail(error_code::malformed_model, "a one-sided transform of complex numbers is asked for");
    return {{in.element(0), shape{x[0], (x[1] - length) / *step + 1, a.onesided ? length / 2 + 1 : length, 2}}};
  }

  static void evaluate(input_views in, output_views out, attributes const&) {
    auto const x = in[0];
    auto const y = out[0];
    auto const size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
    auto const step = size(integers_of(in[1])[0]), parts = size(x.shape[2]), bins = size(y.shape[2]);
    bool const windowed = in.size() > 2 && in[2];
    auto const length = in.size() > 3 && in[3] ? size(integers_of(in[3])[0])
                        : windowed             ? in[2].elements()
                                               : size(x.shape[1]);
    std::vector<detail::complex> line(length);
    std::size_t to = 0;
    for (std::size_t b = 0; b < size(x.shape[0]); ++b)
      for (std::size_t frame = 0; frame < size(y.shape[1]); ++frame) {
        for (std::size_t i = 0; i < length; ++i) {
          auto const at = (b * size(x.shape[1]) + frame * step + i) * parts;
          auto const w = windowed ? load<double>(in[2].type, in[2].data, i) : 1.0;
          line[i] = w * detail::complex{load<double>(x.type, x.data, at),
                                        parts == 2 ? load<double>(x.type, x.data, at + 1) : 0.0};
        }
        auto const spectrum = detail::fourier(line, false);
        for (std::size_t k = 0; k < bins; ++k) {
          store<double>(y.type, y.data, to++, spectrum[k].real());
          store<double>(y.type, y.data, to++, spectrum[k].imag());
        }
      }
  }
};

/// MelWeightMatrix: triangles over the bins of a spectrum, evenly spaced on the mel scale.
/// https://onnx.ai/onnx/operators/onnx__MelWeightMatrix.html
struct mel_weight_matrix {
  static constexpr op_schema schema{.name = "MelWeightMatrix", .since = 17, .min_inputs = 5, .max_inputs = 5};
  struct attributes {
    dtype type = dtype::float32;
  };

  static attributes parse(attribute_reader const& r) {
    return {dtype_from_attribute(r.get<std::int64_t>("output_datatype", 1))};
  }
  static dtype element(inputs const&, attributes const& a, std::size_t) { return a.type; }
  static types infer(inputs const& in, attributes const& a) {
    auto const mels = detail::known_number(in, 0, "number of mel bins"), length = detail::known_number(in, 1, "length");
    if (!mels || !length) return {unknown_shape(a.type)};
    if (*mels < 1 || *length < 1)
      fail(error_code::malformed_model, "{} mel bins of a transform of length {} are asked for", *mels, *length);
    return {{a.type, shape{*length / 2 + 1, *mels}}};
  }

  static void evaluate(input_views in, output_views out, attributes const&) {
    auto const number = [&](std::size_t i) {
      if (in[i].elements() != 1)
        fail(error_code::invalid_argument, "input {} has the shape {}; it is one number", i, in[i].shape);
      return load<double>(in[i].type, in[i].data, 0);
    };
    auto const mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
    auto const mels = out[0].shape[1], bins = out[0].shape[0];
    auto const low = mel(number(3)), step = (mel(number(4)) - low) / static_cast<double>(mels + 2);
    std::vector<std::int64_t> edges;
    for (std::int64_t i = 0; i < mels + 2; ++i) {
      auto const hertz = 700 * (std::pow(10, (low + static_cast<double>(i) * step) / 2595) - 1);
      auto const bin = std::floor((number(1) + 1) * hertz / number(2));
      if (!(std::abs(bin) < 0x1p62))
        fail(error_code::invalid_argument, "{} to {} Hz at a sample rate of {} Hz are no bins of a spectrum", number(3),
             number(4), number(2));
      edges.push_back(static_cast<std::int64_t>(bin));
    }
    for (std::int64_t m = 0; m < mels; ++m) {
      auto const at = edges.begin() + m;
      for (std::int64_t bin = 0; bin < bins; ++bin) {
        double weight = 0;
        if (bin >= at[0] && bin < at[1])
          weight = static_cast<double>(bin - at[0]) / static_cast<double>(at[1] - at[0]);
        else if (bin >= at[1] && bin < at[2])
          weight = static_cast<double>(at[2] - bin) / static_cast<double>(at[2] - at[1]);
        else if (bin == at[1])
          weight = 1;
        store<double>(out[0].type, out[0].data, static_cast<std::size_t>(bin * mels + m), weight);
      }
    }
  }
};

/// All of them, as one line of the list of operators.
struct fourier_family {
  static constexpr std::array entries{entry_of<dft>(), entry_of<stft>(), entry_of<mel_weight_matrix>()};
};

}  // namespace sinter
