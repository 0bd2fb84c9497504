// error: deleted|implicitly
#include <sinter/sinter.hpp>

#include <utility>

sinter::outputs keep(sinter::outputs& out) {
#ifdef MISUSE
  return out;
#else
  return std::move(out);
#endif
}
