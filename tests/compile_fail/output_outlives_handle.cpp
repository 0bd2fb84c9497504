// error: deleted
#include <sinter/sinter.hpp>

std::size_t count(sinter::model const& net, sinter::tensor<float> const& x) {
#ifdef MISUSE
  return net.run({{"x", x}})["y"].elements();
#else
  auto const out = net.run({{"x", x}});
  return out["y"].elements();
#endif
}
