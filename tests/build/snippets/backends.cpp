#include <sidestep/kernels.hpp>

#include <vector>

void trains(const unsigned char* images, const unsigned char* labels, std::size_t count, std::vector<std::uint32_t> indices,
            std::vector<std::uint32_t> next_indices) {
  //> #include <sidestep/kernels.hpp>
}
