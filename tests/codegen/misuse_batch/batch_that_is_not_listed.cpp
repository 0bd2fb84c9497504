// error: (no matching|no member|constraint)
#include <digits_listed.hpp>

auto classify(digits_listed& net, digits_listed::image<4>::view images) {
#ifdef MISUSE
  return net.run<3>({.image = images.first<3 * 64>()});
#else
  return net.run<4>({.image = images});
#endif
}
