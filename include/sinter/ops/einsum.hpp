#pragma once

#include <sinter/kernels/einsum.hpp>
#include <sinter/ops/entry.hpp>

#include <map>

namespace sinter {

/// An equation of Einsum, applied to shapes. Every label is a character; the dimensions that `...` stands for get the
/// labels '0', '1' … counted from the back.
class einsum_plan {
 public:
  einsum_plan(std::string_view equation, std::vector<shape> const& operands) {
    std::string text;
    for (auto const c : equation)
      if (c != ' ') text += c;
    auto const arrow = text.find("->");
    auto terms = split(text.substr(0, arrow));
    if (terms.size() != operands.size())
      fail(error_code::malformed_model, "the equation '{}' has {} terms for {} inputs", equation, terms.size(),
           operands.size());
    for (std::size_t i = 0; i < terms.size(); ++i) {
      terms[i] = expanded(terms[i], operands[i].rank());
      bind(terms[i], operands[i]);
    }
    auto const result = arrow == std::string::npos ? implicit(terms) : with_ellipsis(text.substr(arrow + 2));
    order(result, terms);
    for (std::size_t i = 0; i < terms.size(); ++i) strides.push_back(strides_of(terms[i], operands[i]));
  }

  shape output{};                ///< extents of the result's labels
  shape extents{};               ///< the same, then those of the labels that are summed
  std::vector<shape> strides{};  ///< of each operand, for `extents`

 private:
  static std::vector<std::string> split(std::string const& terms) {
    std::vector<std::string> parts(1);
    for (auto const c : terms) {
      if (c == ',')
        parts.emplace_back();
      else
        parts.back() += c;
    }
    return parts;
  }

  std::string ellipsis_labels() const {
    std::string labels;
    for (auto i = ellipsis_; i-- > 0;) labels += static_cast<char>('0' + i);
    return labels;
  }

  std::string expanded(std::string const& term, std::size_t rank) {
    auto const dots = term.find("...");
    auto const named = dots == std::string::npos ? term.size() : term.size() - 3;
    if (named > rank || (dots == std::string::npos && named != rank))
      fail(error_code::malformed_model, "the term '{}' has {} labels for a tensor of rank {}", term, named, rank);
    if (dots == std::string::npos) return term;
    std::string labels;
    for (auto i = rank - named; i-- > 0;) labels += static_cast<char>('0' + i);
    ellipsis_ = std::max(ellipsis_, rank - named);
    return term.substr(0, dots) + labels + term.substr(dots + 3);
  }

  void bind(std::string const& term, shape const& s) {
    for (std::size_t d = 0; d < term.size(); ++d) {
      auto& extent = extent_of_.try_emplace(term[d], 1).first->second;
      if (extent != s[d] && extent != 1 && s[d] != 1)
        fail(error_code::malformed_model, "the label '{}' stands for extents {} and {}", term[d], extent, s[d]);
      if (extent == 1) extent = s[d];
    }
  }

  std::string with_ellipsis(std::string const& result) const {
    auto const dots = result.find("...");
    return dots == std::string::npos ? result : result.substr(0, dots) + ellipsis_labels() + result.substr(dots + 3);
  }

  /// Without an arrow: the ellipsis, then every label that occurs once, in alphabetical order.
  std::string implicit(std::vector<std::string> const& terms) const {
    std::map<char, int> uses;
    for (auto const& term : terms)
      for (auto const c : term) ++uses[c];
    std::string result = ellipsis_labels();
    for (auto const& [label, count] : uses)
      if (count == 1 && (label < '0' || label > '9')) result += label;
    return result;
  }

  void order(std::string const& result, std::vector<std::string> const& terms) {
    auto const append = [&](char label) {
      if (labels_.find(label) != std::string::npos) return false;
      labels_ += label;
      extents.push_back(extent_of_.at(label));
      return true;
    };
    for (auto const label : result)
      if (!extent_of_.contains(label) || !append(label))
        fail(error_code::malformed_model, "the result '{}' names '{}' twice or without an input that has it", result,
             label);
    output = extents;
    for (auto const& term : terms)
      for (auto const label : term) append(label);
  }

  shape strides_of(std::string const& term, shape const& s) const {
    auto const dense = row_major_strides(s);
    auto strides = shape::filled(labels_.size(), 0);
    for (std::size_t d = 0; d < term.size(); ++d)
      if (s[d] != 1) strides[labels_.find(term[d])] += dense[d];
    return strides;
  }

  std::size_t ellipsis_ = 0;
  std::string labels_{};
  std::map<char, std::int64_t> extent_of_{};
};

/// Einsum: sums of products over labelled dimensions.   https://onnx.ai/onnx/operators/onnx__Einsum.html
struct einsum {
  static constexpr op_schema schema{.name = "Einsum", .since = 12};
  struct attributes {
    std::string equation{};
  };

  static attributes parse(attribute_reader const& r) { return {.equation = r.require<std::string>("equation")}; }

  static types infer(inputs const& in, attributes const& a) {
    std::vector<shape> shapes;
    for (std::size_t i = 0; i < in.size(); ++i) shapes.push_back(in.shape(i));
    return {{in.element(0), einsum_plan(a.equation, shapes).output}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    std::vector<shape> shapes;
    for (std::size_t i = 0; i < in.size(); ++i) shapes.push_back(in.shape(i));
    einsum_plan const plan(a.equation, shapes);
    auto result = shape::filled(plan.extents.rank(), 0);  // 0: summed
    auto const dense = row_major_strides(plan.output);
    for (std::size_t d = 0; d < plan.output.rank(); ++d) result[d] = dense[d];
    kernel_call call{.kernel = {kernels::sum_products, "sum_products", "einsum.hpp"},
                     .integers = {static_cast<std::int64_t>(plan.extents.rank())}};
    call.integers.insert(call.integers.end(), plan.extents.begin(), plan.extents.end());
    for (auto const& s : plan.strides) call.integers.insert(call.integers.end(), s.begin(), s.end());
    call.integers.insert(call.integers.end(), result.begin(), result.end());
    return call;
  }
};

}  // namespace sinter
