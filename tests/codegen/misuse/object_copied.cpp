// error: deleted
#include <digits.hpp>

digits::outputs classify(digits& net, digits::image::view image) {
#ifdef MISUSE
  auto other = net;
#else
  auto& other = net;
#endif
  return other.run({.image = image});
}
