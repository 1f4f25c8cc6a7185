/// The name of a kernel, from the symbol table of the program or library that it is in: dladdr knows exported names
/// only.

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

#include <sidestep/kernels/emulation/raw.hpp>
#include <sidestep/kernels/emulation/report.hpp>
#include <sidestep/kernels/emulation/sanitizer.hpp>

namespace sidestep::emulation::detail {
namespace {

struct Module {
  std::uintptr_t wanted;
  std::uintptr_t base = 0;
  std::string path;
};

int find_module(dl_phdr_info* info, std::size_t, void* data) {
  auto* module = static_cast<Module*>(data);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    if (header.p_type != PT_LOAD || module->wanted - begin >= header.p_memsz) continue;
    module->base = info->dlpi_addr;
    module->path = info->dlpi_name && *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
    return 1;
  }
  return 0;
}

/// A file's bytes, mapped.
class Mapped {
 public:
  explicit Mapped(const char* path) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    struct stat status {};
    if (fstat(file, &status) == 0 && status.st_size > 0) {
      size_ = static_cast<std::size_t>(status.st_size);
      void* mapped = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
      data_ = mapped == MAP_FAILED ? nullptr : static_cast<const std::byte*>(mapped);
    }
    close(file);
  }
  ~Mapped() {
    if (data_) munmap(const_cast<std::byte*>(data_), size_);
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

  /// `count` of T at an offset; null when the file is too short.
  template <class T>
  const T* at(std::size_t offset, std::size_t count = 1) const {
    if (!data_ || offset > size_ || count > (size_ - offset) / sizeof(T)) return nullptr;
    return reinterpret_cast<const T*>(data_ + offset);
  }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

std::string symbol_in(const Mapped& file, std::uintptr_t value) {
  const auto* elf = file.at<ElfW(Ehdr)>(0);
  if (!elf || std::memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0) return "";
  const auto* sections = file.at<ElfW(Shdr)>(elf->e_shoff, elf->e_shnum);
  if (!sections) return "";
  for (int s = 0; s < elf->e_shnum; ++s) {
    const auto& table = sections[s];
    if ((table.sh_type != SHT_SYMTAB && table.sh_type != SHT_DYNSYM) || table.sh_link >= elf->e_shnum) continue;
    const auto& names = sections[table.sh_link];
    const std::size_t count = table.sh_size / sizeof(ElfW(Sym));
    const auto* symbols = file.at<ElfW(Sym)>(table.sh_offset, count);
    const char* text = file.at<char>(names.sh_offset, names.sh_size);
    if (!symbols || !text) continue;
    for (std::size_t i = 0; i < count; ++i) {
      const bool function = ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC;
      if (function && symbols[i].st_value == value && symbols[i].st_name < names.sh_size)
        return text + symbols[i].st_name;
    }
  }
  return "";
}

std::string look_up(const void* function) {
  Module module{.wanted = reinterpret_cast<std::uintptr_t>(function), .base = 0, .path = {}};
  if (!dl_iterate_phdr(find_module, &module)) return hexadecimal(module.wanted);
  const std::string mangled = symbol_in(Mapped(module.path.c_str()), module.wanted - module.base);
  if (mangled.empty()) return hexadecimal(module.wanted);
  int status = 0;
  char* plain = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
  const std::string name = status == 0 && plain ? plain : mangled;
  std::free(plain);
  return name;
}

}  // namespace

std::string function_name(const void* function) {
  struct Name {
    std::string text;
  };
  static auto* known = new std::map<const void*, Name>;
  static RawMutex mutex;
  const Quiet quiet;
  const RawLock lock(mutex);
  Name& name = (*known)[function];
  if (name.text.empty()) name.text = look_up(function);
  return name.text;
}

}  // namespace sidestep::emulation::detail
