#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/ops/entry.hpp>

#include <vector>

namespace sinter {

/// MatMulNBits: a product with a matrix whose elements have 2, 4 or 8 bits, and a scale and zero point for each block
/// of a column.   https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
struct matmul_nbits {
  static constexpr op_schema schema{
      .name = "MatMulNBits", .since = 1, .domain = "com.microsoft", .min_inputs = 3, .max_inputs = 6};
  enum : std::size_t { factor, packed, scales, zero_points, order, bias };
  struct attributes {
    std::int64_t depth = 0, columns = 0, bits = 4, block = 0;

    std::int64_t blocks() const { return ceil_div(depth, block); }
    std::int64_t bytes_of_block() const { return block * bits / 8; }
    std::int64_t bytes_of_zero_points() const { return ceil_div(blocks() * bits, 8); }
  };

  static attributes parse(attribute_reader const& r) {
    r.ignore("accuracy_level");  // how much may be lost
    attributes const a{.depth = r.require<std::int64_t>("K"),
                       .columns = r.require<std::int64_t>("N"),
                       .bits = r.get<std::int64_t>("bits", 4),
                       .block = r.require<std::int64_t>("block_size")};
    if (a.depth < 1 || a.columns < 1 || a.depth > INT32_MAX || a.columns > INT32_MAX)
      fail(error_code::malformed_model, "K is {} and N {}, expected 1 to {}", a.depth, a.columns, INT32_MAX);
    if (a.bits != 2 && a.bits != 4 && a.bits != 8)
      fail(error_code::unsupported_feature, "elements have {} bits, expected 2, 4 or 8", a.bits);
    if (a.block < 16 || a.block > INT32_MAX || (a.block & (a.block - 1)) != 0)
      fail(error_code::malformed_model, "'block_size' is {}, expected a power of two of 16 or more", a.block);
    if (r.get<std::int64_t>("weight_prepacked", 0) != 0)
      fail(error_code::unsupported_feature, "the attribute 'weight_prepacked' is not 0");
    return a;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto result = in.shape(factor);
    auto const count = [&](std::size_t i) { return static_cast<std::int64_t>(in.shape(i).elements()); };
    if (result.empty() || result.back() != a.depth)
      fail(error_code::malformed_model, "the left factor has shape {}, expected {} last", result, a.depth);
    expect(in, packed, a.columns * a.blocks() * a.bytes_of_block(), "weights");
    expect(in, scales, a.columns * a.blocks(), "scales");
    if (in.element(packed) != dtype::uint8)
      fail(error_code::malformed_model, "the weights hold {}, expected uint8", name(in.element(packed)));
    if (in.has(zero_points))
      expect(in, zero_points,
             a.columns * (in.element(zero_points) == dtype::uint8 ? a.bytes_of_zero_points() : a.blocks()),
             "zero points");
    if (in.has(order) && (in.element(order) != dtype::int32 || count(order) < a.depth))
      fail(error_code::malformed_model, "the blocks of rows (g_idx) are {} of {}, expected {} int32", count(order),
           name(in.element(order)), a.depth);
    if (in.has(bias) && count(bias) != a.columns)
      fail(error_code::malformed_model, "the bias has {} elements, expected {}", count(bias), a.columns);
    result.back() = a.columns;
    return {{in.element(factor), result}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const depth = static_cast<std::size_t>(a.depth), columns = static_cast<std::size_t>(a.columns);
    auto const rows = in[factor].elements() / depth;
    std::vector<double> x(in[factor].elements()), column(depth);
    load_run<double>(in[factor].type, in[factor].data, 0, 1, x.size(), x.data());
    for (std::size_t n = 0; n < columns; ++n) {
      unpack(in, a, static_cast<std::int64_t>(n), column);
      auto const start = in.size() > bias && in[bias] ? load<double>(in[bias].type, in[bias].data, n) : 0.0;
      for (std::size_t row = 0; row < rows; ++row) {
        auto sum = start;
        for (std::size_t k = 0; k < depth; ++k) sum += x[row * depth + k] * column[k];
        store<double>(out[0].type, out[0].data, row * columns + n, sum);
      }
    }
  }

 private:
  static void expect(inputs const& in, std::size_t i, std::int64_t elements, char const* what) {
    if (static_cast<std::int64_t>(in.shape(i).elements()) != elements)
      fail(error_code::malformed_model, "the {} have shape {}, expected {} elements", what, in.shape(i), elements);
  }

  /// Number `i` of several in each byte, low bits first.
  static std::int64_t packed_number(tensor_view t, std::int64_t first_byte, std::int64_t i, std::int64_t bits) {
    auto const* const bytes = static_cast<std::uint8_t const*>(t.data) + first_byte;
    return bytes[i * bits / 8] >> i * bits % 8 & ((1 << bits) - 1);
  }

  /// Which scale and zero point belong to row `k`.
  static std::int64_t block_of(input_views in, attributes const& a, std::int64_t k) {
    if (in.size() <= order || !in[order]) return k / a.block;
    auto const block = in[order].as<std::int32_t>()[static_cast<std::size_t>(k)];
    if (block < 0 || block >= a.blocks())
      fail(error_code::malformed_model, "row {} is of block {} (g_idx), there are {}", k, block, a.blocks());
    return block;
  }

  static void unpack(input_views in, attributes const& a, std::int64_t n, std::vector<double>& column) {
    for (std::int64_t k = 0; k < a.depth; ++k) {
      auto const place = k / a.block, block = block_of(in, a, k), index = n * a.blocks() + block;
      auto zero = static_cast<double>(1 << (a.bits - 1));
      if (in.size() > zero_points && in[zero_points])
        zero = in[zero_points].type == dtype::uint8
                   ? static_cast<double>(packed_number(in[zero_points], n * a.bytes_of_zero_points(), block, a.bits))
                   : load<double>(in[zero_points].type, in[zero_points].data, static_cast<std::size_t>(index));
      auto const q = packed_number(in[packed], (n * a.blocks() + place) * a.bytes_of_block(), k % a.block, a.bits);
      column[static_cast<std::size_t>(k)] =
          (static_cast<double>(q) - zero) *
          load<double>(in[scales].type, in[scales].data, static_cast<std::size_t>(index));
    }
  }
};

}  // namespace sinter
