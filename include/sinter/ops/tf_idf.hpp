#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/ops/entry.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace sinter {

/// TfIdfVectorizer: counts n-grams of a pool in each row, with up to a number of elements skipped between two.
/// https://onnx.ai/onnx/operators/onnx__TfIdfVectorizer.html
struct tf_idf {
  static constexpr op_schema schema{.name = "TfIdfVectorizer", .since = 9, .max_inputs = 1};
  using word = std::variant<std::int64_t, std::string>;
  enum class weighting : std::size_t { count, presence, weighted_count };
  struct attributes {
    weighting mode = weighting::count;
    std::size_t shortest = 1, longest = 1;
    std::int64_t most_skips = 0;
    std::int64_t width = 0;                            ///< of a row of the output
    std::map<std::vector<word>, std::size_t> grams{};  ///< to their places in the lists below
    std::vector<std::int64_t> columns{};
    std::vector<float> weights{};
    bool strings = false;
  };

  static attributes parse(attribute_reader const& r) {
    static constexpr std::array<std::string_view, 3> modes{"TF", "IDF", "TFIDF"};
    attributes a{.mode = static_cast<weighting>(r.choice("mode", r.require<std::string>("mode"), modes)),
                 .shortest = length_of(r, "min_gram_length"),
                 .longest = length_of(r, "max_gram_length"),
                 .most_skips = r.require<std::int64_t>("max_skip_count"),
                 .columns = r.require<std::vector<std::int64_t>>("ngram_indexes"),
                 .weights = r.get("weights", std::vector<float>()),
                 .strings = r.has("pool_strings")};
    if (a.shortest > a.longest || a.most_skips < 0)
      fail(error_code::malformed_model, "grams have {} to {} elements and up to {} are skipped", a.shortest, a.longest,
           a.most_skips);
    add_grams(a, pool_of(r), r.require<std::vector<std::int64_t>>("ngram_counts"));
    if (a.grams.size() > a.columns.size() || (!a.weights.empty() && a.weights.size() != a.columns.size()))
      fail(error_code::malformed_model, "{} grams have {} indexes and {} weights", a.grams.size(), a.columns.size(),
           a.weights.size());
    for (auto const column : a.columns) {
      if (column < 0) fail(error_code::malformed_model, "an index of a gram is {}, expected 0 or more", column);
      a.width = std::max(a.width, checked_add(column, 1));
    }
    return a;
  }

  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::float32; }
  static types infer(inputs const& in, attributes const& a) {
    auto extents = in.shape(0);
    if (extents.rank() < 1 || extents.rank() > 2)
      fail(error_code::malformed_model, "the input has shape {}, expected one or two dimensions", extents);
    if ((in.element(0) == dtype::string) != a.strings)
      fail(error_code::malformed_model, "the input holds {}, the pool {}", name(in.element(0)),
           a.strings ? "strings" : "integers");
    extents.back() = a.width;
    return {{dtype::float32, extents}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const length = static_cast<std::size_t>(in[0].shape.back());
    auto const y = out[0].as<float>();
    std::ranges::fill(y, 0.0f);
    auto const rows = static_cast<std::size_t>(a.width > 0 ? y.size() / static_cast<std::size_t>(a.width) : 0);
    std::vector<word> row(length);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t i = 0; i < length; ++i)
        row[i] = a.strings ? word(in[0].as<std::string>()[r * length + i])
                           : word(load<std::int64_t>(in[0].type, in[0].data, r * length + i));
      count(row, a, y.subspan(r * static_cast<std::size_t>(a.width), static_cast<std::size_t>(a.width)));
    }
  }

 private:
  static std::size_t length_of(attribute_reader const& r, std::string_view name) {
    auto const length = r.require<std::int64_t>(name);
    if (length < 1) fail(error_code::malformed_model, "the attribute '{}' is {}, expected 1 or more", name, length);
    return static_cast<std::size_t>(length);
  }

  static std::vector<word> pool_of(attribute_reader const& r) {
    std::vector<word> pool;
    if (r.has("pool_strings"))
      for (auto& text : r.require<std::vector<std::string>>("pool_strings")) pool.emplace_back(std::move(text));
    else
      for (auto const number : r.require<std::vector<std::int64_t>>("pool_int64s")) pool.emplace_back(number);
    return pool;
  }

  /// The pool lists the 1-grams, then the 2-grams, and so on; `starts` says where each kind begins.
  static void add_grams(attributes& a, std::vector<word> const& pool, std::vector<std::int64_t> const& starts) {
    std::size_t place = 0;
    for (std::size_t n = 1; n <= starts.size(); ++n) {
      auto const begin = starts[n - 1];
      auto const end = n < starts.size() ? starts[n] : static_cast<std::int64_t>(pool.size());
      if (begin < 0 || end < begin || end > static_cast<std::int64_t>(pool.size()) ||
          (end - begin) % static_cast<std::int64_t>(n) != 0)
        fail(error_code::malformed_model, "the {}-grams are the elements {} to {} of a pool of {}", n, begin, end,
             pool.size());
      for (auto at = begin; at < end; at += static_cast<std::int64_t>(n)) {
        auto const first = pool.begin() + at;
        a.grams.emplace(std::vector<word>(first, first + static_cast<std::ptrdiff_t>(n)), place++);
      }
    }
  }

  static void count(std::vector<word> const& row, attributes const& a, std::span<float> y) {
    for (auto n = a.shortest; n <= a.longest; ++n)
      for (std::int64_t skips = 0; skips <= (n == 1 ? 0 : a.most_skips); ++skips) {
        auto const distance = static_cast<std::size_t>(skips) + 1;
        if (distance > row.size()) break;
        for (std::size_t first = 0; first + (n - 1) * distance < row.size(); ++first)
          add(row, first, n, distance, a, y);
      }
  }

  static void add(std::vector<word> const& row, std::size_t first, std::size_t n, std::size_t distance,
                  attributes const& a, std::span<float> y) {
    std::vector<word> gram;
    for (std::size_t i = 0; i < n; ++i) gram.push_back(row[first + i * distance]);
    auto const found = a.grams.find(gram);
    if (found == a.grams.end()) return;
    auto& to = y[static_cast<std::size_t>(a.columns[found->second])];
    auto const weight = a.mode == weighting::count || a.weights.empty() ? 1.0f : a.weights[found->second];
    to = a.mode == weighting::presence ? weight : to + weight;
  }
};

}  // namespace sinter
