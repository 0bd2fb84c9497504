#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

#include <vector>

namespace sinter::passes {

/// y = x * scale + shift for each channel. An empty `scale` is 1, an empty `shift` 0.
struct affine {
  std::vector<float> scale{};
  std::vector<float> shift{};
};

/// The axis of the channels in the output of a sinter.Conv or sinter.Gemm.
inline std::size_t channel_axis(node const& n, shape const& out) { return n.op == "Conv" ? 1 : out.rank() - 1; }

/// The channels in the output of a sinter.Conv or sinter.Gemm.
struct channel_view {
  std::size_t rank, axis;  ///< of the output; the axis is that of the channels
  std::int64_t count;
};

/// The channels of `n`; those of a sinter.Conv follow from its weights where shapes are open.
inline std::optional<channel_view> output_channels(graph const& g, node const& n) {
  if (n.domain != "sinter" || (n.op != "Conv" && n.op != "Gemm")) return std::nullopt;
  auto const &out = g.at(n.outputs[0]).type.shape, &weights = g.at(n.inputs[1]).type.shape;
  if (out && out->rank() >= 2) return channel_view{out->rank(), channel_axis(n, *out), (*out)[channel_axis(n, *out)]};
  if (out || !weights || n.op != "Conv") return std::nullopt;
  return channel_view{weights->rank(), 1, (*weights)[0]};
}

namespace detail {

/// A copy of weights with the slices along `axis` multiplied by `scale`.
inline any_tensor scaled_weights(any_tensor const& w, std::size_t axis, std::vector<float> const& scale) {
  any_tensor result(dtype::float32, w.shape());
  auto const run = w.shape().elements(axis + 1, w.shape().rank());
  auto const from = w.as<float>();
  auto* const to = static_cast<float*>(result.data());
  for (std::size_t i = 0, channel = 0; i < from.size(); i += run, channel = (channel + 1) % scale.size())
    for (std::size_t k = 0; k < run; ++k) to[i + k] = from[i + k] * scale[channel];
  return result;
}

/// Scaled rows are contiguous where the output channel is the last axis of the weights.
inline any_tensor scaled_columns(any_tensor const& w, std::vector<float> const& scale) {
  any_tensor result(dtype::float32, w.shape());
  auto const from = w.as<float>();
  auto* const to = static_cast<float*>(result.data());
  for (std::size_t i = 0; i < from.size(); i += scale.size())
    for (std::size_t k = 0; k < scale.size(); ++k) to[i + k] = from[i + k] * scale[k];
  return result;
}

inline any_tensor scaled_for(node const& n, any_tensor const& w, std::vector<float> const& scale) {
  bool const columns = n.op == "Gemm" && attribute_or<std::int64_t>(n, "trans_b", 0) == 0;
  return columns ? scaled_columns(w, scale) : scaled_weights(w, 0, scale);
}

}  // namespace detail

/// Whether `apply_affine` can change `n`: a sinter.Conv or sinter.Gemm of constant weights and bias without epilogue.
inline bool accepts_affine(graph const& g, node const& n, bool scales) {
  if (n.domain != "sinter" || (n.op != "Conv" && n.op != "Gemm") || n.attributes.contains("epilogue")) return false;
  auto const channels = output_channels(g, n);
  if (!channels) return false;
  if (n.inputs.size() > 2 && n.inputs[2]) {
    auto const* bias = float_input(g, n, 2);
    if (!bias || bias->shape() != shape{channels->count}) return false;
  }
  if (!scales) return true;
  auto const* weights = float_input(g, n, 1);
  return weights && (n.op == "Conv" || weights->shape().rank() == 2);
}

/// Makes the output of `id`, which `accepts_affine`, the affine function of what it was, by new weights and bias.
inline void apply_affine(rewriter& r, node_id id, affine const& f) {
  auto& g = r.get();
  auto inputs = g.at(id).inputs;
  inputs.resize(std::max<std::size_t>(inputs.size(), 3));
  auto const channels = static_cast<std::size_t>(std::max(f.scale.size(), f.shift.size()));
  std::vector<float> bias(channels, 0.0f);
  if (inputs[2]) std::ranges::copy(g.at(inputs[2]).constant.as<float>(), bias.begin());
  for (std::size_t i = 0; i < f.scale.size(); ++i) bias[i] *= f.scale[i];
  for (std::size_t i = 0; i < f.shift.size(); ++i) bias[i] += f.shift[i];
  auto const weights_name = g.at(inputs[1]).name;
  if (!f.scale.empty()) {
    r.fold_budget().charge(g.at(inputs[1]).constant.bytes());
    auto scaled = detail::scaled_for(g.at(id), g.at(inputs[1]).constant, f.scale);
    inputs[1] = g.add_constant(weights_name + "_scaled", std::move(scaled));
  }
  auto const bias_name = inputs[2] ? g.at(inputs[2]).name + "_shifted" : weights_name + "_bias";
  inputs[2] = g.add_constant(bias_name, any_tensor::of<float>({static_cast<std::int64_t>(channels)}, bias));
  set_inputs(g, id, std::move(inputs));
}

}  // namespace sinter::passes
