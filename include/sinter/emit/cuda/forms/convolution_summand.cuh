R"cuda(
// A summand of an output: the tap of the filter and the channel of its group. Where tiles divide the channels, all of a
// tile have the same tap.
template <class Kernel>
struct convolution_summand {
  static constexpr bool one_tap = Kernel::c % Kernel::tile_k == 0;
  int tap, c;
  DEVICE convolution_summand(int first, int step) {
    u32 const k = (u32)(one_tap ? first : first + step);
    tap = (int)(k / (u32)Kernel::c);
    c = (int)(k % (u32)Kernel::c) + (one_tap ? step : 0);
  }
};
)cuda"
